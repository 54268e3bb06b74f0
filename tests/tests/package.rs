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
