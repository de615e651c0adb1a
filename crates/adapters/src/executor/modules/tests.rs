//! Modules of small builds, and what changes there concern.

use super::*;

fn tree(files: &[(&str, &str)]) -> Tree {
    let paths = files.iter().map(|(path, _)| (*path).to_owned()).collect();
    let builds = files.iter().filter(|(path, _)| is_build_file(path));
    Tree { paths, texts: builds.map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect() }
}

fn paths(list: &[&str]) -> Vec<String> {
    list.iter().map(|path| (*path).to_owned()).collect()
}

fn these(list: &[&str]) -> Touched {
    Touched::These(paths(list))
}

fn gradle() -> Tree {
    tree(&[
        (
            "settings.gradle",
            "pluginManagement { repositories { maven { url 'https://x//y' } } }\n\
             includeBuild 'logic'\n// include 'old'\n\
             include 'core', \"api\",\n  'app'\ninclude(':libs:some-text')\ninclude ':docs-site'\n\
             project(':api').projectDir = file('web/api')\n",
        ),
        ("core/src/main/A.java", ""),
        ("web/api/build.gradle", "dependencies { implementation project(':core') }"),
        ("web/api/src/main/B.java", ""),
        (
            "app/build.gradle.kts",
            "dependencies { implementation(projects.libs.someText)\n api(project(path = \":api\")) }",
        ),
        ("app/src/main/C.java", ""),
        ("libs/some-text/build.gradle", "// implementation project(':core')\n"),
        ("libs/some-text/src/D.java", ""),
        ("docs-site/index.html", ""),
        ("logic/src/E.java", ""),
        ("build.gradle", ""),
    ])
}

#[test]
fn gradle_projects_with_sources_are_modules() {
    let modules = Modules::read(Tool::Gradle, &gradle());
    assert_eq!(modules.names(), [":api", ":app", ":core", ":libs:some-text"]);
}

#[test]
fn a_change_concerns_its_module_and_those_built_from_it() {
    let modules = Modules::read(Tool::Gradle, &gradle());
    let touched = |list: &[&str]| modules.touched(&paths(list));
    assert_eq!(touched(&["app/src/main/C.java"]), these(&[":app"]));
    assert_eq!(touched(&["web/api/src/main/B.java"]), these(&[":api", ":app"]));
    assert_eq!(touched(&["core/src/main/A.java"]), these(&[":api", ":app", ":core"]), "at one remove too");
    assert_eq!(touched(&["libs/some-text/x", "README.md"]), these(&[":app", ":libs:some-text"]));
    assert_eq!(touched(&["build.gradle", "app/x"]), Touched::All, "the root script is everybody's");
    assert_eq!(touched(&["logic/src/E.java"]), Touched::All);
    assert_eq!(touched(&["README.md", "docs/a.png"]), Touched::All, "nothing known is everything");
    assert_eq!(touched(&[]), Touched::All);
    assert_eq!(touched(&["core-other/x"]), Touched::All, "a like name is not the module");
}

#[test]
fn cargo_members_and_their_paths() {
    let tree = tree(&[
        (
            "Cargo.toml",
            "[package]\nname = \"root\"\n[workspace]\nmembers = [\"crates/*\", \"tools/x\"]\nexclude = [\"crates/old\"]\n",
        ),
        ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n"),
        (
            "crates/b/Cargo.toml",
            "[package]\nname = \"b\"\n[dev-dependencies]\nour = { package = \"a\", path = \"../a\" }\n",
        ),
        ("crates/old/Cargo.toml", "[package]\nname = \"old\"\n"),
        (
            "tools/x/Cargo.toml",
            "[package]\nname = \"x\"\n[target.'cfg(unix)'.dependencies]\nb.workspace = true\na = \"1\"\n",
        ),
    ]);
    let modules = Modules::read(Tool::Cargo, &tree);
    assert_eq!(modules.names(), ["a", "b", "root", "x"]);
    let touched = |list: &[&str]| modules.touched(&paths(list));
    assert_eq!(touched(&["crates/b/src/lib.rs"]), these(&["b", "x"]));
    assert_eq!(touched(&["crates/a/src/lib.rs"]), these(&["a", "b", "x"]));
    assert_eq!(touched(&["src/main.rs"]), these(&["root"]));
    assert_eq!(touched(&["Cargo.lock"]), Touched::All);
}

#[test]
fn npm_and_pnpm_packages() {
    let files = |top: (&'static str, &'static str)| {
        tree(&[
            top,
            ("package.json", r#"{"workspaces": {"packages": ["packages/*"]}}"#),
            ("packages/ui/package.json", r#"{"name": "@x/ui"}"#),
            (
                "packages/app/package.json",
                r#"{"name": "@x/app", "dependencies": {"@x/ui": "*", "left-pad": "1"}}"#,
            ),
            ("packages/ui/node_modules/z/package.json", r#"{"name": "z"}"#),
        ])
    };
    for top in
        [("x", ""), ("pnpm-workspace.yaml", "packages:\n  - 'packages/**'\n  - \"!**/old\"\ncatalog:\n")]
    {
        let modules = Modules::read(Tool::Npm, &files(top));
        assert_eq!(modules.names(), ["@x/app", "@x/ui"], "{top:?}");
        assert_eq!(modules.touched(&paths(&["packages/app/i.ts"])), these(&["@x/app"]));
    }
}

#[test]
fn maven_modules_by_folder() {
    let tree = tree(&[
        (
            "pom.xml",
            "<project><artifactId>top</artifactId><modules><module>core</module><!-- <module>old</module> --><module>web</module></modules></project>",
        ),
        (
            "core/pom.xml",
            "<project><parent><artifactId>top</artifactId></parent><artifactId>core-lib</artifactId></project>",
        ),
        (
            "web/pom.xml",
            "<project><artifactId>web</artifactId><modules><module>site</module></modules></project>",
        ),
        (
            "web/site/pom.xml",
            "<project><parent><artifactId>web</artifactId></parent><artifactId>site</artifactId><dependencies><dependency><artifactId>core-lib</artifactId></dependency></dependencies></project>",
        ),
        ("old/pom.xml", "<project><artifactId>old</artifactId></project>"),
    ]);
    let modules = Modules::read(Tool::Maven, &tree);
    assert_eq!(modules.names(), ["core", "web", "web/site"]);
    assert_eq!(modules.touched(&paths(&["core/src/A.java"])), these(&["core", "web/site"]));
    assert_eq!(modules.touched(&paths(&["web/site/src/A.java"])), these(&["web/site"]));
}

#[test]
fn a_name_that_is_no_plain_word_is_no_module() {
    let tree = tree(&[("settings.gradle", "include 'a;rm', 'b'"), ("a;rm/src/x", ""), ("b/src/x", "")]);
    assert_eq!(Modules::read(Tool::Gradle, &tree).names(), [":b"]);
}

#[test]
fn the_tool_is_the_one_that_the_command_calls() {
    let both = tree(&[("Cargo.toml", ""), ("package.json", "{}")]);
    let of = |words: &[&str]| Tool::of(&paths(words), &both);
    assert_eq!(of(&["/bin/sh", "-c", "npm test {modules:-w %s}"]), Some(Tool::Npm));
    assert_eq!(of(&["./gradlew", "test"]), Some(Tool::Gradle));
    assert_eq!(of(&["make", "test"]), Some(Tool::Cargo), "what is there");
    assert_eq!(Tool::of(&paths(&["make"]), &Tree::default()), None);
}

#[test]
fn commands_are_written_out() {
    let all = paths(&["a", "b", "c"]);
    let argv = |words: &[&str], touched: &Touched| -> Vec<String> {
        expand(&paths(words), touched, &all).into_iter().map(|run| run.argv.join("|")).collect()
    };
    let two = these(&["a", "c"]);
    assert_eq!(argv(&["make", "test"], &two), ["make|test"]);
    assert_eq!(argv(&["x", "{module}:test"], &two), ["x|a:test", "x|c:test"]);
    assert_eq!(argv(&["x", "{module}"], &Touched::All), ["x|a", "x|b", "x|c"]);
    assert_eq!(argv(&["x", "{modules}"], &two), ["x|a|c"]);
    assert_eq!(argv(&["x", "{modules}"], &Touched::All), ["x"]);
    assert_eq!(argv(&["x", "{modules:-p %s|--workspace}"], &two), ["x|-p|a|-p|c"]);
    assert_eq!(argv(&["x", "{modules:-p %s|--workspace}"], &Touched::All), ["x|--workspace"]);
    assert_eq!(
        argv(&["sh", "-c", "t {modules:%s:test|test} && u {modules}."], &two),
        ["sh|-c|t a:test c:test && u a c."]
    );
    assert_eq!(argv(&["sh", "-c", "t {modules:%s:test|test} -q"], &Touched::All), ["sh|-c|t test -q"]);
    assert_eq!(argv(&["x", "{modulesque}", "${module"], &two), ["x|{modulesque}|${module"]);
    assert_eq!(
        expand(&paths(&["x", "{module}"]), &Touched::All, &[]),
        [pattern::Run { module: None, argv: paths(&["x", ""]) }]
    );
    assert!(is_used(&paths(&["a", "{modules:x}"])) && is_used(&paths(&["a{module}"])));
    assert!(!is_used(&paths(&["a", "{modulesque}"])));
}
