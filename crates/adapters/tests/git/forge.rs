//! The local forge's branches and changes.

use ppe_adapters::forge::local::port::LocalForgePort;
use ppe_adapters::forge::local::store::{ChangeState, Check, NewChange, Opened, Verdict};
use ppe_adapters::forge::local::{LocalForge, Published};
use ppe_adapters::git::lane::Landing;
use ppe_core::ids::{Branch, Millis, TaskId};
use ppe_core::input::Observed;
use ppe_engine::ports::{Forge, Look, OpenTask};

use crate::world::{World, git, main, run, stamp};

fn forge(world: &World) -> LocalForge {
    LocalForge::open(&world.repo, &world.dir.path().join("state/forge/changes")).unwrap()
}

fn at(branch: &str) -> Published {
    Published::At { branch: Branch::new(branch) }
}

#[test]
fn c11_taken_names_and_folder_clashes_get_another_name() {
    let world = World::new();
    let forge = forge(&world);
    let users = world.tip();
    let ours = world.side_commit(&users, "a", "1\n");
    let wanted = Branch::new("feat/T-1");
    assert_eq!(forge.publish_new(&wanted, &ours).unwrap(), at("feat/T-1"));
    assert_eq!(forge.publish_new(&wanted, &ours).unwrap(), at("feat/T-1"), "a repeat finds its own branch");

    git(world.root(), &["branch", "feat/T-2", users.as_str()]);
    assert_eq!(forge.publish_new(&Branch::new("feat/T-2"), &ours).unwrap(), at("feat/T-2-2"));
    assert_eq!(world.repo.tip(&Branch::new("feat/T-2")).unwrap(), Some(users.clone()), "never overwritten");

    git(world.root(), &["branch", "feat/T-3/users", users.as_str()]);
    assert_eq!(forge.publish_new(&Branch::new("feat/T-3"), &ours).unwrap(), at("feat/T-3-2"));

    git(world.root(), &["branch", "fix", users.as_str()]);
    assert_eq!(forge.publish_new(&Branch::new("fix/T-4"), &ours).unwrap(), at("fix-T-4"));
    assert!(forge.publish_new(&Branch::new("feat/../x"), &ours).is_err());
}

#[test]
fn a_branch_moves_only_from_where_we_left_it_and_never_under_a_checkout() {
    let world = World::new();
    let forge = forge(&world);
    let branch = Branch::new("feat/T-1");
    let first = world.side_commit(&world.tip(), "a", "1\n");
    let second = world.side_commit(&first, "a", "2\n");
    forge.publish_new(&branch, &first).unwrap();
    assert_eq!(forge.publish(&branch, &first, &second).unwrap(), at("feat/T-1"));
    assert_eq!(forge.publish(&branch, &first, &second).unwrap(), at("feat/T-1"), "repeated after a crash");

    let users = world.side_commit(&second, "a", "the user's\n");
    git(world.root(), &["branch", "-f", "feat/T-1", users.as_str()]);
    let third = world.side_commit(&second, "a", "3\n");
    assert_eq!(forge.publish(&branch, &second, &third).unwrap(), Published::Moved { tip: users.clone() });

    git(world.root(), &["checkout", "-q", "feat/T-1"]);
    let refused = Published::CheckedOut { worktree: world.root().to_owned() };
    assert_eq!(forge.publish(&branch, &users, &third).unwrap(), refused);
    assert_eq!(forge.tips(&[branch.clone(), Branch::new("none")]).unwrap(), [Some(users.clone()), None]);

    git(world.root(), &["checkout", "-q", "main"]);
    git(world.root(), &["branch", "-qD", "feat/T-1"]);
    assert_eq!(forge.publish(&branch, &users, &third).unwrap(), at("feat/T-1"));
}

#[test]
fn a_change_is_opened_once_and_keeps_one_sticky_comment_and_lands() {
    let world = World::new();
    let forge = forge(&world);
    let base = world.tip();
    let work = world.side_commit(&base, "a", "1\n");
    git(world.root(), &["checkout", "-q", "--detach"]);
    let new = NewChange {
        title: "T-1: a file".to_owned(),
        body: "Text".to_owned(),
        head: Branch::new("feat/T-1"),
        base: main(),
        now: Millis(1),
    };
    let Opened::Created(change) = forge.open_change(&new).unwrap() else { panic!("it is new") };
    assert!(matches!(forge.open_change(&new).unwrap(), Opened::Found(found) if found == change));

    let n = change.number;
    let check =
        |verdict| Check { name: "build".into(), commit: work.clone(), verdict, summary: String::new() };
    forge.set_check(n, check(Verdict::Pending)).unwrap();
    assert_eq!(forge.set_check(n, check(Verdict::Green)).unwrap().checks, [check(Verdict::Green)]);
    forge.add_label(n, "wave-1").unwrap();
    assert_eq!(forge.add_label(n, "wave-1").unwrap().labels, ["wave-1"]);
    forge.sticky_comment(n, "status", "one", Millis(2)).unwrap();
    forge.sticky_comment(n, "status", "two", Millis(3)).unwrap();
    let comments = forge.sticky_comment(n, "status", "two", Millis(4)).unwrap().comments;
    assert_eq!((comments.len(), comments[0].body.as_str(), comments[0].written), (1, "two", Millis(3)));

    assert_eq!(forge.land(n, &base, &work).unwrap(), Landing::Landed);
    assert_eq!(forge.land(n, &base, &work).unwrap(), Landing::Landed);
    assert_eq!(forge.store().change(n).unwrap().state, ChangeState::Merged { commit: work });
    assert!(matches!(forge.close(n).unwrap().state, ChangeState::Merged { .. }));
}

#[tokio::test]
async fn every_look_tells_what_the_target_has_lost_and_whose_work_it_holds_now() {
    let world = World::new();
    let port = LocalForgePort::new(forge(&world), run(), stamp().who);
    let task = |n: u8| TaskId::new(format!("T-{n}"));
    let began = world.tip();
    let ours = world.user_commits("a", "1\n");
    // Another run lands an open task of this one; then somebody takes both landings out.
    world.user_commits("b", "1\n");
    git(world.root(), &["commit", "-q", "--amend", "-m", "Merge\n\nPpe-Task: T-2\nPpe-Run: other"]);
    let both = world.tip();
    let open = OpenTask { task: task(2), base: None, branch: None, published: None, change: None };
    let look = Look {
        target: main(),
        since: began.clone(),
        open: vec![open],
        landed: vec![(task(1), ours.clone())],
    };
    let told = async || {
        let seen = port.look(look.clone()).await.unwrap();
        let [Observed::Target { tip, landed, gone }] = &seen[..] else { panic!("{seen:?}") };
        (tip.clone(), landed.clone(), gone.clone())
    };
    let whole = (both.clone(), vec![(task(2), both.clone())], vec![]);
    assert_eq!(told().await, whole);

    git(world.root(), &["reset", "-q", "--hard", began.as_str()]);
    let lost = (began, vec![], vec![task(1)]);
    assert_eq!((told().await, told().await), (lost.clone(), lost), "each look tells it");

    git(world.root(), &["reset", "-q", "--hard", both.as_str()]);
    assert_eq!(told().await, whole, "it is back");
}
