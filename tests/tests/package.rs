//! The Debian package, made of this build's own programs: what is in it runs, is documented, and shows no trace of this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project")
}

fn done(command: &mut Command) -> Output {
    let output = command.output().expect("a program");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output
}

#[test]
fn the_package_holds_programs_that_run_and_manuals_that_can_be_read() {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        return eprintln!("not checked: dpkg-deb is not on this machine");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    std::fs::create_dir(path("built")).expect("a folder");
    // One program stands for both here; each is a file of its own in a package.
    for name in ["caphub", "caphub-node"] {
        std::os::unix::fs::symlink(PROGRAM, path("built").join(name)).expect("a link");
    }
    let script = project().join("deploy/package.sh");
    let mut make = Command::new(&script);
    make.env("CAPHUB_PACK_LEVEL", "0").arg(path("out")).arg(path("built"));
    let output = done(&mut make);
    let package = String::from_utf8(output.stdout).expect("a path").trim().to_owned();
    assert!(package.ends_with(".deb"), "{package}");
    let first = std::fs::read(&package).expect("the package");
    done(&mut make);
    assert!(first == std::fs::read(&package).expect("the package"), "made twice, it is the same");

    done(Command::new("dpkg-deb").arg("-R").arg(&package).arg(path("open")));
    let open = |name: &str| path("open").join(name);
    let said = done(Command::new(open("usr/bin/caphub")).arg("--version"));
    assert!(String::from_utf8_lossy(&said.stdout).contains(env!("CARGO_PKG_VERSION")));
    for page in ["caphub.1.gz", "caphub-need-add.1.gz", "caphub-node.1.gz", "caphub-node-init.1.gz"] {
        let read = done(Command::new("gzip").arg("-dc").arg(open("usr/share/man/man1").join(page)));
        let text = String::from_utf8(read.stdout).expect("a page");
        assert!(text.contains(".SH NAME") && text.len() > 300, "{page}: {text}");
    }
    let control = std::fs::read_to_string(open("DEBIAN/control")).expect("control");
    assert!(control.contains("Package: caphub\n") && control.contains("Architecture: "), "{control}");
    for script in ["DEBIAN/postinst", "DEBIAN/prerm", "DEBIAN/postrm"] {
        done(Command::new("sh").arg("-n").arg(open(script)));
    }
    let purge = std::fs::read_to_string(open("DEBIAN/postrm")).expect("a script");
    assert!(!purge.contains("rm "), "no package deletes keys");
    assert!(open("usr/lib/systemd/system/caphub-node.service").is_file());
    assert!(open("usr/share/doc/caphub/README.Debian").is_file());

    let refused = Command::new(&script).arg(path("out")).arg(path("empty")).output().expect("the script");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("hint: name the folder"));
}

/// The steps of README.Debian, as root of a copy of this system that goes with the test.
const STEPS: &str = r#"
hub="runuser -u caphub -- caphub-node --dir /var/lib/caphub/hub"
dpkg -i /package.deb >/dev/null
dpkg -s caphub | grep -q '^Status: install ok installed'
test "$(stat -c '%U %a' /var/lib/caphub)" = 'caphub 700'
$hub init "Example Hub" --region 009 >/dev/null
$hub check
test "$(stat -c '%U %a' /var/lib/caphub/hub/keys/operator.key)" = 'caphub 600'
$hub run --listen 127.0.0.1:0 2>/node.log & node=$!
tries=0
until runuser -u caphub -- caphub --hub-dir /var/lib/caphub/hub hub status; do
  tries=$((tries + 1)); test $tries -lt 600 || { cat /node.log; exit 1; }
  sleep 0.1
done
kill $node; wait $node || true
gzip -dc /usr/share/man/man1/caphub-node.1.gz | grep -q 'SH NAME'
before=$(sha256sum /var/lib/caphub/hub/keys/*)
dpkg -i /package.deb >/dev/null
$hub check >/dev/null
dpkg -r caphub >/dev/null
if [ -e /usr/bin/caphub-node ]; then exit 1; fi
dpkg -P caphub 2>&1 | grep -q 'keys and records stay'
test "$(sha256sum /var/lib/caphub/hub/keys/*)" = "$before"
"#;

#[test]
fn installed_upgraded_and_removed_it_does_what_its_readme_says_and_keeps_every_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    for name in ["up", "work", "root", "built"] {
        std::fs::create_dir(path(name)).expect("a folder");
    }
    // A copy of this system: what is written there is gone with the test.
    let inside = |script: &str| {
        let over = "mount -t overlay overlay -o lowerdir=/,upperdir=up,workdir=work root
            for kernel in dev proc; do mount --rbind /$kernel root/$kernel; done
            exec chroot root /bin/sh -euc \"$0\"";
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-euc", over, script]).current_dir(folder.path());
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("LC_ALL", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive").env("HOME", "/root");
        command
    };
    let tools = "command -v dpkg dpkg-deb useradd runuser >/dev/null && ! getent passwd caphub";
    if !inside(tools).output().is_ok_and(|o| o.status.success()) {
        return eprintln!("not checked: no copy of a Debian system can be made here (root, overlay)");
    }
    // What helps debuggers is left out. One program stands for both here.
    done(Command::new("strip").arg("-o").arg(path("built").join("caphub")).arg(PROGRAM));
    let node = path("built").join("caphub-node");
    std::fs::write(&node, "#!/bin/sh\nexec /usr/bin/caphub node \"$@\"\n").expect("a script");
    done(Command::new("chmod").arg("0755").arg(&node));
    let mut make = Command::new(project().join("deploy/package.sh"));
    let output = done(make.env("CAPHUB_PACK_LEVEL", "0").arg(path("out")).arg(path("built")));
    let package = String::from_utf8(output.stdout).expect("a path").trim().to_owned();
    std::fs::copy(package, path("up").join("package.deb")).expect("the package");
    let said = done(&mut inside(STEPS));
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(text.contains("Example Hub"), "{text}");
}
