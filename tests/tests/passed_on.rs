//! Programs and sources passed on by hand: published as an artifact, carried on a stick, and installed or built from on a
//! machine that has no network at all.

use std::path::Path;
use std::process::{Command, Output};

use caphub_tests::Machine;
use caphub_tests::stick::{at, count, out, taken, two_members};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project")
}

/// A shell without a network but the loopback of a world of its own; `None` where this machine gives none.
fn alone(folder: &Path, script: &str) -> Option<Command> {
    let words = |user: &[&'static str]| -> Command {
        let mut command = Command::new("unshare");
        command.args(user).args(["-n", "sh", "-euc"]);
        command.current_dir(folder).env_clear().env("HOME", folder).env("LANG", "C.UTF-8");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    };
    let mut ways = [vec![], vec!["-r"]].into_iter();
    let way =
        ways.find(|user| words(user).arg("ip link set lo up").output().is_ok_and(|o| o.status.success()))?;
    let mut command = words(&way);
    command.arg(format!("ip link set lo up\n{script}"));
    Some(command)
}

fn done(mut command: Command) -> Output {
    let output = command.output().expect("a program");
    let said = [&output.stdout, &output.stderr].map(|s| String::from_utf8_lossy(s).into_owned());
    assert!(output.status.success(), "{command:?}: {}", said.concat());
    output
}

/// Publishes a file at Tuvalu's laptop, which carries it to Kiribati's: the words with which it is written out there.
async fn carried(machine: &Machine, name: &str, title: &str) -> String {
    two_members(machine).await;
    let words = ["artifact", "add", name, "--title", title, "--licence", "Apache-2.0"];
    let added = at(machine, "tv", &words).await.ok().json();
    let id = added["id"].as_str().expect("an id").to_owned();
    let written = out(machine, "tv", &["stick", "--artifacts", "--size", "25M"]).await;
    assert_eq!(count(&written, "artifacts"), 1, "{written}");
    let there = taken(machine, "ki", "stick").await;
    assert_eq!(count(&there, "artifacts"), 1, "{there}");
    format!("\"$program\" --home ki artifact get {id} --out {name}.got && cmp {name} {name}.got")
}

#[tokio::test]
async fn programs_that_came_on_a_stick_are_installed_and_run_with_the_network_off() {
    let machine = Machine::new(PROGRAM, "en");
    let folder = machine.path("");
    let Some(check) = alone(&folder, "! ip route get 192.0.2.1") else {
        return eprintln!("not checked: this machine gives no network of its own (unshare, ip)");
    };
    done(check);
    // As deploy/build.sh packs them; one program stands for both here, and what helps debuggers is left out.
    let mut pack = Command::new("sh");
    pack.current_dir(&folder).args([
        "-euc",
        "mkdir -p caphub/bin && strip -o caphub/bin/caphub \"$0\"",
        PROGRAM,
    ]);
    done(pack);
    let mut pack = Command::new("tar");
    done({
        pack.current_dir(&folder).args(["-czf", "caphub-linux.tar.gz", "caphub"]);
        pack
    });
    std::fs::remove_dir_all(machine.path("caphub")).expect("a folder");
    let get = carried(&machine, "caphub-linux.tar.gz", "caphub").await;
    let script = format!(
        "program={PROGRAM}\n{get}\nmkdir installed && tar -C installed -xzf caphub-linux.tar.gz.got --strip-components=1\n\
         installed/bin/caphub --version\ninstalled/bin/caphub demo --exit\n\
         installed/bin/caphub node --dir hub-of-mine init \"Hub of mine\" --region 009 >/dev/null\n\
         installed/bin/caphub node --dir hub-of-mine check"
    );
    let said = done(alone(&folder, &script).expect("it was there before"));
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains(env!("CARGO_PKG_VERSION")), "{said}");
}

#[tokio::test]
async fn sources_that_came_on_a_stick_are_built_with_the_network_off() {
    let machine = Machine::new(PROGRAM, "en");
    let folder = machine.path("");
    if alone(&folder, "true").is_none() {
        return eprintln!("not checked: this machine gives no network of its own (unshare, ip)");
    }
    let mut vendor = Command::new(project().join("deploy/vendor.sh"));
    let packed = vendor.arg(&folder).output().expect("the script");
    if !packed.status.success() {
        let said = String::from_utf8_lossy(&packed.stderr).into_owned();
        return eprintln!("not checked: the sources of all crates cannot be had here: {said}");
    }
    let name = format!("caphub-{}-source.tar.gz", env!("CARGO_PKG_VERSION"));
    let get = carried(&machine, &name, "caphub, all sources").await;
    // Nothing that was fetched before, and nothing that this build knows of. All of it takes half an hour
    // (deploy/reproduce.sh, which shuts the network off as well); here what the protocol is made of.
    let sysroot = |of: &str| {
        let said = Command::new("rustc").args(["--print", of]).output().expect("rustc");
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    };
    let script = format!(
        "program={PROGRAM}\n{get}\nrm {name}\nmkdir built && tar -C built -xzf {name}.got --strip-components=1\ncd built\n\
         export CARGO_HOME=$HOME/empty-cargo PATH={}/bin:$PATH\nmkdir $CARGO_HOME\n\
         cargo metadata --format-version 1 --frozen >/dev/null\n\
         nice cargo check --frozen -p caphub-proto --target-dir ../target\n",
        sysroot("sysroot")
    );
    let said = done(alone(&folder, &script).expect("it was there before"));
    assert!(String::from_utf8_lossy(&said.stderr).contains("Finished"), "{said:?}");
}
