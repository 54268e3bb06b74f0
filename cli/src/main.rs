//! `caphub`: what people of a member organisation, and operators of a hub, type.

fn main() -> std::process::ExitCode {
    caphub_cli::app::main()
}
