//! `caphub-node`: runs a hub.

fn main() -> std::process::ExitCode {
    caphub_node::server::main()
}
