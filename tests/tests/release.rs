//! What an organisation installs: the recipes agree with the programs, and say what these are made of.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project")
}

fn text(name: &str) -> String {
    std::fs::read_to_string(project().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn done(command: &mut Command) -> Output {
    let output = command.output().expect("a program");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A JSON list of words after an instruction of the container's recipe.
fn words(recipe: &str, instruction: &str) -> Vec<String> {
    let joined = recipe.replace("\\\n", " ");
    let line = joined.lines().find(|l| l.starts_with(instruction)).expect("an instruction");
    let list = &line[line.find('[').expect("a list")..];
    serde_json::from_str(list).expect("a JSON list")
}

#[test]
fn the_container_runs_what_the_programs_know_and_as_nobody_special() {
    let (recipe, compose) = (text("deploy/Containerfile"), text("deploy/compose.yml"));
    assert!(recipe.contains("\nFROM scratch\n") && recipe.contains("\nUSER 10001:10001\n"));
    for name in ["caphub", "caphub-node"] {
        assert!(recipe.contains(&format!("bin/{name}")), "{name} is copied");
    }
    // One program stands for both here.
    let run = |words: &[String], more: &[&str]| -> Output {
        let first = match words[0].as_str() {
            "/usr/bin/caphub" => None,
            "/usr/bin/caphub-node" => Some("node"),
            other => panic!("{other} is not in the container"),
        };
        Command::new(PROGRAM).args(first).args(&words[1..]).args(more).output().expect("a program")
    };
    let entry = words(&recipe, "ENTRYPOINT");
    let all = [entry.clone(), words(&recipe, "CMD")].concat();
    let help = run(&all, &["--help"]);
    assert!(help.status.success(), "{all:?}: {help:?}");
    // No hub is in that folder here: what matters is that the question is understood.
    let health = run(&words(&recipe, "HEALTHCHECK"), &[]);
    assert!(!matches!(health.status.code(), None | Some(0 | 2)), "{health:?}");
    let port = text("deploy/caphub-node.example.toml");
    assert!(port.contains("listen = \"[::]:7430\"") && recipe.contains("EXPOSE 7430/tcp"));
    let hubs = compose.lines().filter(|l| l.starts_with("  hub-") && l.ends_with(':')).count();
    assert_eq!((hubs, compose.matches("<<: *hub").count()), (6, 3), "three hubs and their three volumes");
    for needed in ["read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "[\"7430:7430\"]"] {
        assert!(compose.contains(needed), "{needed}");
    }
    let state = recipe.lines().find_map(|l| l.strip_prefix("VOLUME ")).expect("a volume");
    assert_eq!(compose.matches(&format!(":{state}\"]")).count(), 3);
    assert!(entry[2].starts_with(state) && compose.contains(&entry[2]), "{entry:?}");
}

#[test]
fn the_compose_file_fits_its_schema_and_the_node_takes_each_setting() {
    let python = project().join("target/tools/python/bin/python");
    if !python.exists() {
        assert!(std::env::var_os("CAPHUB_TOOLS_REQUIRED").is_none(), "no reader of compose files is here");
        return eprintln!("not checked: no reader of compose files is here (.ci/run makes one)");
    }
    let reader = project().join("tests/tests/release/compose.py");
    let read = |path: &Path| Command::new(&python).arg(&reader).arg(path).output().expect("a program");
    let said = read(&project().join("deploy/compose.yml"));
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let compose: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let folder = tempfile::tempdir().expect("a folder");
    let node = |words: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.env_clear().current_dir(folder.path()).args(["node", "--dir", "hub"]).args(words);
        command
    };
    done(&mut node(&["init", "Hub A", "--region", "009"]));
    let known = text("node/src/config.rs");
    let services = compose["services"].as_object().expect("services");
    assert_eq!(services.len(), 3);
    for (name, service) in services {
        assert_eq!(
            (&service["image"], &service["read_only"], &service["cap_drop"][0]),
            (&"caphub".into(), &true.into(), &"ALL".into()),
            "{name}"
        );
        let settings = service["environment"].as_object().expect("an environment");
        assert_eq!(settings["CAPHUB_ADDRESSES"], format!("{name}:7430"));
        let mut check = node(&["check"]);
        for (setting, value) in settings {
            assert!(known.contains(&format!("variable(\"{setting}\")")), "{setting} is no setting");
            check.env(setting, value.as_str().expect("a text"));
        }
        done(&mut check);
        let volume = service["volumes"][0].as_str().and_then(|v| v.split_once(':')).expect("a volume");
        assert!(compose["volumes"].as_object().is_some_and(|v| v.contains_key(volume.0)), "{volume:?}");
    }
    // The reader is strict.
    let misspelt = folder.path().join("misspelt.yml");
    std::fs::write(&misspelt, text("deploy/compose.yml").replace("read_only", "readonly")).expect("a file");
    assert!(!read(&misspelt).status.success());
}

#[test]
fn what_the_recipes_name_exists() {
    let recipe = text("deploy/Containerfile");
    let build = text("deploy/build.sh");
    let copied = recipe.lines().filter(|l| l.starts_with("COPY "));
    let sources = copied.flat_map(|l| l.split(' ').skip(1).filter(|w| !w.starts_with("--")));
    let sources: Vec<&str> = sources.filter(|w| !w.starts_with('/')).collect();
    assert_eq!(sources, ["bin/caphub", "bin/caphub-node", "state"]);
    for made in ["$out/bin/$program", "$out/state", "cp deploy/Containerfile \"$out\""] {
        assert!(build.contains(made), "deploy/build.sh makes {made}");
    }
    // Files of the tree that scripts and units copy or run.
    for script in ["build.sh", "package.sh", "vendor.sh", "reproduce.sh"] {
        let words = text(&format!("deploy/{script}"));
        let named = words.split(|c: char| c.is_whitespace() || "\"'();".contains(c));
        let named = named.filter_map(|w| w.trim_start_matches("$here/").strip_prefix("deploy/"));
        let named = named.map(|w| w.trim_end_matches(['.', ',', ':']));
        for name in named.filter(|n| !n.is_empty() && !n.contains('$') && *n != "build/epoch") {
            assert!(project().join("deploy").join(name).exists(), "{script} names deploy/{name}");
        }
    }
}

#[test]
fn scripts_can_be_read_by_a_plain_shell() {
    for name in ["build.sh", "vendor.sh", "reproduce.sh", "package.sh", "build/rustc.sh", "build/epoch.sh"] {
        done(Command::new("sh").arg("-n").arg(project().join("deploy").join(name)));
    }
}

#[test]
fn the_list_of_parts_is_that_of_the_lockfile_and_twice_the_same() {
    let python = Command::new("python3").args(["-c", "import tomllib"]).output();
    if !python.is_ok_and(|o| o.status.success()) {
        return eprintln!("not checked: this machine has no Python 3.11");
    }
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    for folder in &folders {
        let mut make = Command::new("python3");
        make.arg(project().join("deploy/build/sbom.py")).arg(folder.path()).arg("x86_64-unknown-linux-gnu");
        done(make.current_dir(project()).env("SOURCE_DATE_EPOCH", "1795600000"));
    }
    let read = |at: usize, name: &str| std::fs::read(folders[at].path().join(name)).expect("a file");
    for name in ["caphub.cdx.json", "caphub.dep-v0", "caphub-node.dep-v0"] {
        assert!(read(0, name) == read(1, name), "{name} is the same twice");
    }
    let bill: Value = serde_json::from_slice(&read(0, "caphub.cdx.json")).expect("JSON");
    let lock = text("Cargo.lock");
    let components = bill["components"].as_array().expect("components");
    assert!(components.len() > 200, "{}", components.len());
    for component in components {
        let name = component["name"].as_str().expect("a name");
        match component["hashes"][0]["content"].as_str() {
            Some(hash) => assert!(lock.contains(hash), "{name}"),
            None => assert!(name.starts_with("caphub-"), "{name} has no digest"),
        }
        assert!(component["licenses"][0]["expression"].is_string(), "{name}");
    }
    let scope = |name: &str| components.iter().find(|c| c["name"] == name).map(|c| c["scope"].clone());
    assert_eq!(scope("tokio"), Some("required".into()));
    assert_eq!(scope("protox"), Some("excluded".into()), "it helps to build and is not inside");
    assert_eq!(scope("turmoil"), None, "tests alone use it");
    let unpack = "import sys,zlib;sys.stdout.buffer.write(zlib.decompress(open(sys.argv[1],'rb').read()))";
    for name in ["caphub", "caphub-node"] {
        let packed = folders[0].path().join(format!("{name}.dep-v0"));
        let said = done(Command::new("python3").args(["-c", unpack]).arg(packed));
        let list: Value = serde_json::from_slice(&said.stdout).expect("JSON");
        let packages = list["packages"].as_array().expect("packages");
        let roots = packages.iter().filter(|p| p["root"] == true).count();
        assert!(roots == 1 && packages.iter().any(|p| p["name"] == "rustls"), "{name}");
        let within = |p: &Value| {
            let needs = p["dependencies"].as_array().cloned().unwrap_or_default();
            needs.iter().all(|n| n.as_u64().is_some_and(|n| (n as usize) < packages.len()))
        };
        assert!(packages.iter().all(within), "{name}");
    }
}
