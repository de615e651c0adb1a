//! How a repository builds, tests, formats and measures: Cargo, Gradle, Maven, npm and its kin, Python, Go.
//!
//! Only what the repository's own set-up holds is proposed: a plug-in that is applied, a script that is written, a tool
//! that is configured or already called by its checks. What cannot be read is not found.

use super::facts::Facts;
use super::settings::CommandKind;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Files and folders in which a project says how it is checked.
const CHECKS: [&str; 6] =
    ["Makefile", "justfile", "Justfile", ".gitlab-ci.yml", ".pre-commit-config.yaml", "package.json"];
/// Where hosted checks are written.
const WORKFLOWS: &str = ".github/workflows";

/// Adds what is found, in order.
pub(super) fn recognise(top: &Path, facts: &mut Facts) {
    for recognise in [cargo, gradle, maven, node, python, go] {
        recognise(top, facts);
    }
}

fn read(top: &Path, path: &str) -> String {
    fs::read_to_string(top.join(path)).unwrap_or_default()
}

/// Whether the project's checks call a command already.
fn calls(top: &Path, command: &str) -> bool {
    let workflows = fs::read_dir(top.join(WORKFLOWS)).into_iter().flatten().flatten();
    let hosted = workflows.filter_map(|entry| fs::read_to_string(entry.path()).ok());
    CHECKS.iter().map(|path| read(top, path)).chain(hosted).any(|text| text.contains(command))
}

fn cargo(top: &Path, facts: &mut Facts) {
    if !top.join("Cargo.toml").is_file() {
        return;
    }
    let formatted = ["rustfmt.toml", ".rustfmt.toml"].iter().any(|name| top.join(name).is_file());
    if formatted || calls(top, "cargo fmt") {
        facts.add("cargo fmt", CommandKind::Fix);
    }
    let form =
        if read(top, "Cargo.toml").contains("[workspace]") { " {modules:-p %s|--workspace}" } else { "" };
    facts.add(&format!("cargo build{form}"), CommandKind::Build);
    facts.add(&format!("cargo test{form}"), CommandKind::Test);
    if calls(top, "cargo llvm-cov") {
        facts.add("cargo llvm-cov --lcov --output-path target/lcov.info", CommandKind::Coverage);
    }
}

fn gradle(top: &Path, facts: &mut Facts) {
    if !top.join("gradlew").is_file() {
        return;
    }
    let settings = read(top, "settings.gradle") + &read(top, "settings.gradle.kts");
    let scripts = gradle_scripts(top);
    if scripts.contains("com.diffplug.spotless") {
        facts.add("./gradlew spotlessApply", CommandKind::Fix);
    }
    let many = settings.lines().any(|line| {
        line.trim_start().strip_prefix("include").is_some_and(|rest| rest.starts_with([' ', '(']))
    });
    let task = |name: &str| {
        if many { format!("./gradlew {{modules:%s:{name}|{name}}}") } else { format!("./gradlew {name}") }
    };
    facts.add(&task("assemble"), CommandKind::Build);
    facts.add(&task("test"), CommandKind::Test);
    let applied = ["id 'jacoco'", "id(\"jacoco\")", "id \"jacoco\"", "plugin: 'jacoco'", "\n    jacoco\n"];
    if applied.iter().any(|text| scripts.contains(text)) {
        facts.add(&task("jacocoTestReport"), CommandKind::Coverage);
    }
}

/// The build scripts of the top, of the shared logic and of the projects just below, one after the other.
fn gradle_scripts(top: &Path) -> String {
    let names = ["build.gradle", "build.gradle.kts"];
    let mut text = read(top, "settings.gradle") + &read(top, "settings.gradle.kts");
    text += &read(top, "gradle/libs.versions.toml");
    let mut folders = vec![top.to_owned(), top.join("buildSrc")];
    folders.extend(fs::read_dir(top).into_iter().flatten().flatten().map(|entry| entry.path()));
    let shared = ["buildSrc/src/main/groovy", "buildSrc/src/main/kotlin"];
    let scripts = folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
    let plugins = shared.iter().flat_map(|dir| fs::read_dir(top.join(dir)).into_iter().flatten().flatten());
    for path in scripts.chain(plugins.map(|entry| entry.path())) {
        text += &fs::read_to_string(path).unwrap_or_default();
    }
    text
}

fn maven(top: &Path, facts: &mut Facts) {
    if !top.join("pom.xml").is_file() {
        return;
    }
    let pom = read(top, "pom.xml");
    let maven = if top.join("mvnw").is_file() { "./mvnw -B" } else { "mvn -B" };
    if pom.contains("spotless-maven-plugin") {
        facts.add(&format!("{maven} spotless:apply"), CommandKind::Fix);
    }
    let form = if pom.contains("<modules>") { " {modules:-pl %s -am}" } else { "" };
    facts.add(&format!("{maven} test-compile{form}"), CommandKind::Build);
    facts.add(&format!("{maven} test{form}"), CommandKind::Test);
    if pom.contains("jacoco-maven-plugin") {
        facts.add(&format!("{maven} jacoco:report{form}"), CommandKind::Coverage);
    }
}

fn node(top: &Path, facts: &mut Facts) {
    let Ok(package) = serde_json::from_str::<Value>(&read(top, "package.json")) else { return };
    let locks = [
        ("pnpm-lock.yaml", "pnpm", "pnpm install --frozen-lockfile"),
        ("yarn.lock", "yarn", "yarn install --immutable"),
        ("package-lock.json", "npm", "npm ci"),
    ];
    let lock = locks.iter().find(|(file, ..)| top.join(file).is_file());
    let manager = lock.map_or("npm", |(_, manager, _)| manager);
    facts.setup.extend(lock.map(|(.., install)| (*install).to_owned()));
    let script = |name: &str| package["scripts"][name].as_str();
    let fixes = |text: &str| text.contains("--write") || text.contains("--fix");
    for name in ["fix", "format", "format:fix", "fmt", "lint:fix"] {
        if script(name).is_some_and(fixes) {
            facts.add(&format!("{manager} run {name}"), CommandKind::Fix);
        }
    }
    for (name, kind) in [("build", CommandKind::Build), ("test", CommandKind::Test)] {
        // What `npm init` writes for "test" only says that there are none.
        if script(name).is_some_and(|text| !text.contains("no test specified")) {
            facts.add(&format!("{manager} run {name}"), kind);
        }
    }
    if let Some(name) = ["coverage", "test:coverage", "test:cov"].iter().find(|name| script(name).is_some()) {
        facts.add(&format!("{manager} run {name}"), CommandKind::Coverage);
    }
}

fn python(top: &Path, facts: &mut Facts) {
    let project = read(top, "pyproject.toml");
    let run = if top.join("uv.lock").is_file() { "uv run" } else { "python -m" };
    let ruff = top.join("ruff.toml").is_file() || project.contains("[tool.ruff");
    if ruff {
        facts.add(&format!("{run} ruff check --fix ."), CommandKind::Fix);
    }
    if project.contains("[tool.ruff.format]") || calls(top, "ruff format") {
        facts.add(&format!("{run} ruff format ."), CommandKind::Fix);
    }
    if project.contains("[tool.black]") {
        facts.add(&format!("{run} black ."), CommandKind::Fix);
    }
    if project.contains("pytest") || top.join("pytest.ini").is_file() {
        facts.add(&format!("{run} pytest"), CommandKind::Test);
    }
    if project.contains("pytest-cov") {
        facts.add(&format!("{run} pytest --cov --cov-report=xml"), CommandKind::Coverage);
    }
}

fn go(top: &Path, facts: &mut Facts) {
    if top.join("go.mod").is_file() {
        facts.add("go fmt ./...", CommandKind::Fix);
        facts.add("go build ./...", CommandKind::Build);
        facts.add("go test ./...", CommandKind::Test);
    }
}
