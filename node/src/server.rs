//! The server's command line: `init`, `run`, `check`, and what keeps a store whole. `caphub-node` is this and nothing else.

/// A line of stdout; where its reader has gone away, the work goes on.
macro_rules! tell {
    ($($words:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

mod upkeep;

use std::path::PathBuf;
use std::process::ExitCode;

use caphub_proto::codes;
use caphub_proto::wire::PartyId;
use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::adopting::{self, AdoptError, Member};
use crate::config::{Config, LogFormat};
use crate::core::OpenError;
use crate::hub::Hub;
use crate::keys::{KeyError, KeyName, KeyRing};
use crate::link::Proxies;
use crate::node::{self, StartError};
use crate::store::{StoreError, register};

/// Runs a caphub hub: a node with its own store, keys and rules.
///
/// Exit codes: 0 done, 1 failed, 2 wrong use, 3 nothing here yet.
#[derive(Parser, Debug)]
#[command(name = "caphub-node", version, about, long_about = None, max_term_width = 80)]
pub struct Arguments {
    /// The hub's folder.
    #[arg(long, env = "CAPHUB_HUB_DIR", global = true, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make a hub: its keys, its identity, its folder.
    Init {
        /// The hub's name, as people know it; with --from-member the organisation's own where none is given.
        #[arg(required_unless_present = "from_member")]
        name: Option<String>,
        /// UN M49 code or name of the region that it serves, for example 009; may be given again.
        #[arg(long, value_name = "CODE")]
        region: Vec<String>,
        /// The state, where the hub is a state's own.
        #[arg(long, value_name = "COUNTRY")]
        country: Option<String>,
        /// Languages of the hub, as BCP 47 tags.
        #[arg(long, default_value = "en", value_delimiter = ',')]
        language: Vec<String>,
        /// A hub for the organisation of this member's folder: same identity, its history taken over. Needs its
        /// root key; the folder may go on as a desk. Example: caphub-node init --from-member ~/.local/share/caphub/me
        #[arg(long, value_name = "FOLDER")]
        from_member: Option<PathBuf>,
    },
    /// Run the node until it is told to stop.
    Run {
        /// Where to listen, host:port, or none for a hub that only dials out; overrides the configuration.
        #[arg(long)]
        listen: Option<String>,
    },
    /// Check the configuration and the hub's files, without starting.
    Check,
    /// Check every hash, signature and authority of the store, the register of own batches and all files that records
    /// name, and say who could replace what is damaged.
    ///
    /// A node may run meanwhile; stopped, more can be said. Exit code 1 where anything is wrong.
    Verify {
        /// Ask no linked hub for what is damaged.
        #[arg(long)]
        offline: bool,
    },
    /// Write damaged parts of the store and of files again, from the own register and linked hubs. Stop the node first.
    ///
    /// What of the register nothing tells is taken out and kept aside, and the hub signs nothing until a linked hub was asked.
    /// Example: systemctl stop caphub-node && caphub-node repair && systemctl start caphub-node
    Repair,
    /// Derive the index and all views again from the log.
    ///
    /// A node may run meanwhile: then its views are derived again, and answer as they were until that is done. The index of the
    /// store is derived again only while no node runs. Example: caphub-node rebuild
    Rebuild,
    /// Back up the hub's folder to another one; again into the same one copies only what changed.
    ///
    /// A node may run meanwhile. It holds the hub's keys. Example: caphub-node backup /mnt/backup/hub
    Backup {
        /// The backup's folder.
        #[arg(value_name = "FOLDER")]
        to: PathBuf,
    },
    /// Put a backup back as the hub of --dir, which must be empty.
    ///
    /// It signs nothing until a linked hub has shown what was signed after the backup, and then only after that.
    Restore {
        /// The backup's folder.
        #[arg(value_name = "FOLDER")]
        from: PathBuf,
        /// Sign at once: only where nobody has seen anything of this hub since the backup, for it would fork.
        #[arg(long)]
        sign_at_once: bool,
    },
}

/// The hub's folder: given, or the one of this user.
pub fn hub_directory(given: Option<PathBuf>) -> PathBuf {
    let home = || std::env::var_os("HOME").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let data =
        || std::env::var_os("XDG_DATA_HOME").map_or_else(|| home().join(".local/share"), PathBuf::from);
    given.unwrap_or_else(|| data().join("caphub").join("hub"))
}

/// What names this folder to the node and to `caphub`; nothing where they find it by themselves.
fn words(directory: &std::path::Path) -> (String, String) {
    let set = std::env::var_os("CAPHUB_HUB_DIR").map(PathBuf::from);
    if directory == hub_directory(set) {
        return (String::new(), String::new());
    }
    (format!(" --dir {}", directory.display()), format!(" --hub-dir {}", directory.display()))
}

/// Parses the process's arguments and runs.
pub fn main() -> ExitCode {
    run(Arguments::parse())
}

/// Runs with these arguments.
pub fn run(arguments: Arguments) -> ExitCode {
    if matches!(arguments.command, Command::Run { .. }) {
        crate::arenas::few();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, "the system allows no more threads or files"),
    };
    let directory = hub_directory(arguments.dir);
    match arguments.command {
        Command::Init { name, region, country, language, from_member } => {
            let made = match from_member {
                None => {
                    runtime.block_on(init(directory, name.unwrap_or_default(), region, country, language))
                }
                Some(folder) => runtime.block_on(adopt(directory, folder, name, region, country, language)),
            };
            made.unwrap_or_else(|code| code)
        }
        Command::Run { listen } => runtime.block_on(serve(directory, listen)),
        Command::Check => check(&directory),
        Command::Verify { offline } => {
            runtime.block_on(upkeep::run_verify(&directory, &proxy(&directory), offline))
        }
        Command::Repair => runtime.block_on(upkeep::run_repair(&directory, &proxy(&directory))),
        Command::Rebuild => runtime.block_on(upkeep::run_rebuild(&directory)),
        Command::Backup { to } => upkeep::run_backup(&directory, &to),
        Command::Restore { from, sign_at_once } => upkeep::run_restore(&directory, &from, sign_at_once),
    }
}

fn fail(error: &dyn std::error::Error, hint: &str) -> ExitCode {
    eprintln!("error: {error}");
    if !hint.is_empty() {
        eprintln!("hint: {hint}");
    }
    ExitCode::FAILURE
}

fn usage(error: &str, hint: &str) -> ExitCode {
    eprintln!("error: {error}\nhint: {hint}");
    ExitCode::from(2)
}

async fn init(
    directory: PathBuf,
    name: String,
    regions: Vec<String>,
    country: Option<String>,
    languages: Vec<String>,
) -> Result<ExitCode, ExitCode> {
    let (regions, country) = (regions_of(&regions)?, country_of(country.as_deref())?);
    let (kind, party_kind) = match country.is_empty() {
        true => ("regional_body", 2),
        false => ("state", 1),
    };
    let hub = Hub {
        party: PartyId::default(),
        name,
        regions,
        country,
        kind: kind.to_owned(),
        languages,
        card_record: String::new(),
    };
    let (hub, recovery) = match Hub::init(&directory, hub, party_kind).await {
        Ok(made) => made,
        Err(error) => return Err(fail(&error, "")),
    };
    tell!("{} is ready.\n", hub.name);
    tell!("  id      {}", hub.party);
    tell!("  folder  {}\n", directory.display());
    tell!("RECOVERY SHEET: print or write down, and keep it away from this machine.");
    tell!("It brings the hub's identity back when this machine is lost or stolen.\n");
    tell!("  hub            {}", hub.name);
    tell!("  id             {}", hub.party);
    tell!("  recovery key   {recovery}\n");
    let (node, hub) = words(&directory);
    tell!("Next:  caphub-node{node} run          (and, in another window)");
    tell!("       caphub{hub} hub invite TV > tuvalu.caphub");
    Ok(ExitCode::SUCCESS)
}

async fn adopt(
    directory: PathBuf,
    folder: PathBuf,
    name: Option<String>,
    regions: Vec<String>,
    country: Option<String>,
    languages: Vec<String>,
) -> Result<ExitCode, ExitCode> {
    let hint = "name the folder of a member, as caphub --home has it";
    let member = Member::load(&folder).map_err(|e| fail(&e, hint))?;
    let country = match country {
        Some(given) => country_of(Some(&given))?,
        None => member.country.clone(),
    };
    let hub = Hub {
        party: member.party,
        name: name.unwrap_or_else(|| member.name.clone()),
        regions: regions_of(&regions)?,
        country,
        kind: member.kind.clone(),
        languages,
        card_record: String::new(),
    };
    let protected = KeyRing::new(folder.join("keys")).is_protected(KeyName::Root);
    let passphrase = if protected { passphrase() } else { None };
    let (hub, taken) = adopting::adopt(&directory, &folder, &member, hub, passphrase.as_deref())
        .await
        .map_err(|error| match &error {
            AdoptError::Key(KeyError::PassphraseNeeded | KeyError::WrongPassphrase) => {
                fail(&error, "set CAPHUB_PASSPHRASE, or run it in a terminal")
            }
            AdoptError::Open(OpenError::Store(StoreError::Locked { .. })) => {
                fail(&error, "wait until the program that uses the folder ends")
            }
            _ => fail(&error, ""),
        })?;
    tell!("{} is ready.\n", hub.name);
    tell!("  id       {}", hub.party);
    tell!("  folder   {}", directory.display());
    tell!("  history  {taken} entries taken over; they keep their author\n");
    tell!("The root key stays in {}, and the recovery sheet stays good.", folder.display());
    let (node, hub) = words(&directory);
    tell!("Next:  caphub-node{node} run          (and, in another window)");
    tell!("       caphub{hub} hub card > our-hub.caphub");
    tell!("       caphub --home {} join our-hub.caphub", folder.display());
    Ok(ExitCode::SUCCESS)
}

/// The passphrase of the environment, or of the person at the terminal.
fn passphrase() -> Option<String> {
    use std::io::IsTerminal;
    if let Ok(given) = std::env::var("CAPHUB_PASSPHRASE") {
        return Some(given);
    }
    if !std::io::stdin().is_terminal() && std::env::var_os("CAPHUB_ASK").is_none() {
        return None;
    }
    eprint!("Passphrase: ");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).ok()?;
    Some(line.trim().to_owned())
}

fn regions_of(regions: &[String]) -> Result<Vec<String>, ExitCode> {
    let hint = "give a UN M49 code, for example --region 009 for Oceania";
    let code = |region: &String| match codes::region::find(region) {
        Some(found) => Ok(found.code.to_string()),
        None => Err(usage(&format!("no region \"{region}\""), hint)),
    };
    regions.iter().map(code).collect()
}

fn country_of(country: Option<&str>) -> Result<String, ExitCode> {
    match country.map(|c| (c, codes::country::find(c))) {
        None => Ok(String::new()),
        Some((_, Some(found))) => Ok(found.alpha2.to_string()),
        Some((given, None)) => {
            Err(usage(&format!("no country \"{given}\""), "give a code such as TV, or the name"))
        }
    }
}

async fn serve(directory: PathBuf, listen: Option<String>) -> ExitCode {
    let mut config = match load(&directory) {
        Ok(config) => config,
        Err(error) => return fail(&error, "compare with the example file in deploy/"),
    };
    if let Some(listen) = listen {
        config.listen = listen;
    }
    log(&config);
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    match node::run(&directory, config, stop).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, hint(&error)),
    }
}

fn hint(error: &StartError) -> &'static str {
    match error {
        StartError::Listen { .. } => {
            "another program may use this port: choose one with --listen host:port, or stop the other"
        }
        StartError::Socket { .. } => {
            "the folder's path may be too long for a socket: choose a shorter one with --dir"
        }
        StartError::Open(OpenError::Store(StoreError::Register { .. })) => "first: caphub-node repair",
        StartError::Open(OpenError::Store(StoreError::Locked { .. })) => {
            "the hub runs already, or a command uses its folder: wait until it ends"
        }
        StartError::Open(OpenError::Store(StoreError::OtherVersion { .. })) => {
            "use the version of caphub-node that wrote it, or restore a backup into another folder"
        }
        _ => "",
    }
}

/// The configuration of a hub's folder, with what the environment overrides.
pub fn load(directory: &std::path::Path) -> Result<Config, crate::config::ConfigError> {
    Config::load(&directory.join("caphub-node.toml"), |name| std::env::var(name).ok())
}

/// The proxy of the configuration; none where it cannot be read, which `check` tells.
fn proxy(directory: &std::path::Path) -> String {
    load(directory).map(|config| config.proxy).unwrap_or_default()
}

fn log(config: &Config) {
    let filter = EnvFilter::try_new(&config.log_level).unwrap_or_else(|_| EnvFilter::new("info"));
    // Colours are for a person at a terminal; a file or a journal gets plain lines.
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    match config.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

async fn stop_on_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
}

fn check(directory: &std::path::Path) -> ExitCode {
    let mut failed = false;
    let mut say = |what: &str, result: Result<String, String>| match result {
        Ok(detail) => tell!("ok     {what}: {detail}"),
        Err(detail) => {
            failed = true;
            tell!("wrong  {what}: {detail}");
        }
    };
    let config = load(directory);
    say(
        "configuration",
        match &config {
            Ok(config) => Ok(match config.listens_on() {
                Some(address) => format!("listens on {address}"),
                None => "listens nowhere: it dials out".to_owned(),
            }),
            Err(error) => Err(error.to_string()),
        },
    );
    if let Ok(config) = &config {
        let proxies = Proxies::resolve(&config.proxy, |name| std::env::var(name).ok());
        say("proxy", proxies.map(|p| p.to_string()).map_err(|e| e.to_string()));
    }
    let hub = Hub::load(directory);
    say(
        "hub",
        match &hub {
            Ok(hub) => Ok(format!("{} {}", hub.name, hub.party)),
            Err(error) => Err(error.to_string()),
        },
    );
    if let Ok(hub) = &hub {
        let key = hub.keys(directory).read(KeyName::Operator, None);
        say("signing key", key.map(|k| k.public().to_string()).map_err(|e| e.to_string()));
        // Opening mends it; that it had to is told.
        let damaged = register::check(&directory.join("store"), |_| {}).map_or(0, |gaps| gaps.len());
        let store = crate::store::Store::open(&directory.join("store"));
        say(
            "store",
            match store {
                Ok(store) if damaged > 0 => Ok(format!(
                    "{} entries in {} feeds; the register was damaged in {damaged} places and is mended",
                    store.end(),
                    store.heads().len()
                )),
                Ok(store) => Ok(format!("{} entries in {} feeds", store.end(), store.heads().len())),
                Err(StoreError::Locked { holder, .. }) => Ok(format!("the hub runs as process {holder}")),
                Err(error) => Err(error.to_string()),
            },
        );
    }
    match (failed, hub) {
        (false, _) => ExitCode::SUCCESS,
        (true, Err(crate::hub::HubError::None(_))) => ExitCode::from(3),
        (true, _) => ExitCode::FAILURE,
    }
}
