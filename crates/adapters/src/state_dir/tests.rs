//! The state folder: its place, its names, its permissions.

use super::*;

fn run(text: &str) -> RunId {
    RunId::new(text)
}

#[test]
fn the_most_specific_place_counts() {
    let (own, xdg, home) = (Path::new("/s/own"), Path::new("/s/xdg"), Path::new("/home/me"));
    let all = Places { ppe_state_dir: Some(own), xdg_state_home: Some(xdg), home: Some(home) };
    assert_eq!(state_root(all).unwrap(), own);
    let without = Places { ppe_state_dir: None, ..all };
    assert_eq!(state_root(without).unwrap(), Path::new("/s/xdg/ppe"));
    assert_eq!(
        state_root(Places { ppe_state_dir: Some(Path::new("")), ..all }).unwrap(),
        Path::new("/s/xdg/ppe")
    );
    let relative = Places { xdg_state_home: Some(Path::new("state")), ..without };
    assert_eq!(state_root(relative).unwrap(), Path::new("/home/me/.local/state/ppe"));
    assert!(matches!(state_root(Places::default()), Err(StateDirError::NoPlace)));
    let wrong = Places { ppe_state_dir: Some(Path::new("here")), ..all };
    assert!(matches!(state_root(wrong), Err(StateDirError::NotAbsolute { .. })));
}

#[test]
fn a_repository_is_recognised_and_not_confused() {
    let key = |path: &str| repo_key(Path::new(path));
    assert!(key("/src/shop/.git").starts_with("shop-"));
    assert!(key("/src/shop.git").starts_with("shop-"));
    assert_ne!(key("/src/shop/.git"), key("/old/shop/.git"));
    assert!(key("/src/my shöp/.git").starts_with("my-sh-p-"));
    assert!(key("/src/...hidden/.git").starts_with("hidden-"));
    assert!(key("/src/木/.git").starts_with("repo-"));
    assert!(key("/.git").starts_with("repo-"));
    let long = key(&format!("/src/{}/.git", "n".repeat(200)));
    assert_eq!(long.len(), NAME_LIMIT_BYTES + 1 + 2 * KEY_HASH_BYTES);
}

#[test]
fn every_way_to_a_repository_leads_to_one_state() {
    let folder = tempfile::tempdir().unwrap();
    let git = folder.path().join("shop/.git");
    fs::create_dir_all(&git).unwrap();
    std::os::unix::fs::symlink(folder.path().join("shop"), folder.path().join("alias")).unwrap();
    let root = Path::new("/state");
    let straight = RepoState::of(root, &git).unwrap();
    assert_eq!(RepoState::of(root, &folder.path().join("alias/.git")).unwrap(), straight);
    assert_eq!(RepoState::of(root, &git.join("../../shop/.git")).unwrap(), straight);
    assert!(matches!(RepoState::of(root, &folder.path().join("none")), Err(StateDirError::Io { .. })));
}

#[test]
fn a_run_has_its_names() {
    let state = RepoState { folder: "/state/shop-00".into() };
    let run = state.run(&run("20261124-161500-a1b2"));
    let task = TaskId::new("T-001");
    let folder = Path::new("/state/shop-00/runs/20261124-161500-a1b2");
    assert_eq!(run.folder(), folder);
    assert_eq!(run.log(), folder.join("log"));
    assert_eq!(run.job(&task, Attempt(2), JobName::Verify), folder.join("tasks/T-001/a2/verify"));
    assert_eq!(run.agent_home(&task, Attempt(1)), folder.join("tasks/T-001/a1/home"));
    assert_eq!(run.candidate_job(CandidateId(3), JobName::Check), folder.join("lane/c3/check"));
    assert_eq!(run.workspace(&task), folder.join("workspaces/T-001"));
    let names = [
        run.plan(),
        run.lock(),
        run.socket_pointer(),
        run.workspaces(),
        run.report_json(),
        run.report_html(),
    ];
    let names = names.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    assert_eq!(names, ["plan.json", "lock", "socket", "workspaces", "report.json", "report.html"]);
}

#[test]
fn no_id_leads_out_of_the_folder() {
    let ids = ["..", ".", "../x", "a/b", "a%2fb", "/etc", "nul\0", "ü", "", "plain-1.2_3"];
    let components: std::collections::BTreeSet<String> = ids.iter().map(|id| component(id)).collect();
    assert_eq!(components.len(), ids.len());
    for text in &components {
        assert!(!text.starts_with('.') && !text.contains(['/', '\0']), "{text}");
    }
    assert_eq!(component("plain-1.2_3"), "plain-1.2_3");
    assert_eq!(component("../x"), "%2e.%2fx");
}

#[test]
fn run_ids_sort_by_time() {
    let start = RunStart { year: 2026, month: 11, day: 24, hour: 16, minute: 15, second: 0, salt: 0xa1b2 };
    assert_eq!(start.run_id().as_str(), "20261124-161500-a1b2");
    let later = RunStart { second: 9, salt: 3, ..start };
    assert_eq!(later.run_id().as_str(), "20261124-161509-0003");
    assert!(start.run_id() < later.run_id());
    assert!(is_run_id(later.run_id().as_str()));
}

#[test]
fn runs_are_listed_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let state = RepoState { folder: folder.path().join("shop-00") };
    assert!(state.runs().unwrap().is_empty());
    let ids = ["20261124-161500-a1b2", "20270101-000000-0000", "20261124-161501-0000"];
    for id in ids {
        state.create_run(&run(id)).unwrap();
    }
    for other in ["notes", "20261124-161500-A1B2", "20261124-161500-a1b2x"] {
        fs::create_dir(state.runs_folder().join(other)).unwrap();
    }
    fs::write(state.runs_folder().join("20280101-000000-0000"), "a file").unwrap();
    assert_eq!(state.runs().unwrap(), [run(ids[1]), run(ids[2]), run(ids[0])]);
}

#[test]
fn folders_are_the_users_alone() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("new/state");
    let state = RepoState { folder: root.join("shop-00") };
    let created = state.create_run(&run("20261124-161500-a1b2")).unwrap();
    for path in [root.as_path(), state.folder(), &state.runs_folder(), created.folder()] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700, "{}", path.display());
    }
    fs::set_permissions(state.folder(), Permissions::from_mode(0o755)).unwrap();
    state.create_run(&run("20261124-161501-a1b2")).unwrap();
    assert_eq!(fs::metadata(state.folder()).unwrap().permissions().mode() & 0o777, 0o700);
    let again = state.create_run(&run("20261124-161500-a1b2"));
    assert!(matches!(again, Err(StateDirError::RunExists { .. })));
}

#[test]
fn a_planted_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let state = RepoState { folder: folder.path().join("shop-00") };
    std::os::unix::fs::symlink(&elsewhere, state.folder()).unwrap();
    let refused = state.create_run(&run("20261124-161500-a1b2"));
    assert!(matches!(refused, Err(StateDirError::Foreign { .. })));
}

#[test]
fn a_local_disk_is_accepted_and_kernel_files_are_no_place() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(filesystem::network_kind(&folder.path().join("not/yet/there")).unwrap(), None);
    let state = RepoState { folder: "/proc/shop-00".into() };
    assert!(matches!(state.create_run(&run("20261124-161500-a1b2")), Err(StateDirError::Io { .. })));
}

#[test]
fn a_workspace_is_known_by_its_place() {
    let top = tempfile::tempdir().unwrap();
    let run = RepoState::of(&top.path().join("state"), top.path()).unwrap().run(&RunId::new("r"));
    let workspace = run.workspace(&TaskId::new("T-1"));
    fs::create_dir_all(&workspace).unwrap();
    assert!(!is_workspace(&workspace), "a folder of that name that belongs to no run");
    fs::write(run.plan(), "{}").unwrap();
    assert!(is_workspace(&workspace));
    assert!(!is_workspace(&run.workspaces()) && !is_workspace(run.folder()));
}
