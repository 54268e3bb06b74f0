//! The `caphub` command, under a name that this package's tests can find.

fn main() -> std::process::ExitCode {
    caphub_cli::app::main()
}
