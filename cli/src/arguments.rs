//! What can be typed. Help texts come from the Fluent files: `help-COMMAND` and `arg-NAME`.

pub mod acts;
mod bank;
mod hub;
mod rules;
mod sealed;

use std::path::PathBuf;

pub use bank::*;
use clap::{Args, Parser, Subcommand, ValueEnum};
pub use hub::*;
pub use rules::*;
pub use sealed::*;

#[derive(Parser, Debug)]
#[command(name = "caphub", version, disable_help_subcommand = true)]
#[allow(missing_docs)]
pub struct Arguments {
    // What is the same everywhere stands behind what a command takes of its own.
    #[arg(long, env = "CAPHUB_HOME", global = true, display_order = 900, value_name = "FOLDER")]
    pub home: Option<PathBuf>,
    #[arg(long, env = "CAPHUB_HUB_DIR", global = true, display_order = 901, value_name = "FOLDER")]
    pub hub_dir: Option<PathBuf>,
    #[arg(
        long,
        env = "CAPHUB_PROXY",
        hide_env_values = true,
        global = true,
        display_order = 902,
        value_name = "URL"
    )]
    pub proxy: Option<String>,
    #[arg(long, global = true, display_order = 903)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum Command {
    Join(Join),
    Leave {
        hub: String,
    },
    Sync(Sync),
    Status,
    Offers(Offers),
    Match(MatchArgs),
    Allocate(Allocate),
    Coverage(Coverage),
    Distribution,
    Report(Report),
    #[command(subcommand)]
    Need(RecordCommand),
    #[command(subcommand)]
    Offer(RecordCommand),
    #[command(subcommand)]
    Course(RecordCommand),
    #[command(subcommand)]
    Session(RecordCommand),
    #[command(subcommand)]
    Technique(TechniqueCommand),
    #[command(subcommand)]
    Barrier(BarrierCommand),
    #[command(subcommand)]
    Vocabulary(VocabularyCommand),
    #[command(subcommand)]
    Thread(ThreadCommand),
    #[command(subcommand)]
    Sealed(SealedCommand),
    Erasures,
    #[command(subcommand)]
    RuleSet(RecordCommand),
    #[command(subcommand)]
    Artifact(ArtifactCommand),
    #[command(subcommand)]
    Engage(acts::EngageCommand),
    #[command(subcommand)]
    Call(acts::CallCommand),
    #[command(subcommand)]
    Fellowship(acts::FellowshipCommand),
    #[command(subcommand)]
    Fund(acts::FundCommand),
    Search(Search),
    Import(Import),
    Export(Export),
    Org(Org),
    #[command(subcommand)]
    Key(Key),
    #[command(subcommand)]
    Hub(HubCommand),
    #[command(subcommand)]
    Carry(CarryCommand),
    Reply(Reply),
    Audit(Audit),
    Verify,
    Demo(Demo),
    Completions {
        shell: clap_complete::Shell,
    },
    Manual {
        folder: PathBuf,
    },
    /// The node, in this same program: what `caphub demo` starts as processes of their own.
    #[command(hide = true, disable_help_flag = true)]
    Node {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct Join {
    pub file: PathBuf,
    #[arg(long)]
    pub name: Option<String>,
    #[arg(long)]
    pub country: Option<String>,
    #[arg(long)]
    pub kind: Option<String>,
    #[arg(long, default_value = "")]
    pub mandate: String,
    #[arg(long, default_value = "")]
    pub contact: String,
    #[arg(long)]
    pub no_passphrase: bool,
    #[arg(long)]
    pub name_in_public: bool,
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Sync {
    #[arg(long)]
    pub follow: bool,
    #[arg(long, value_name = "FILE")]
    pub through: Option<PathBuf>,
    #[arg(long, value_name = "BYTES", value_parser = bytes, conflicts_with = "follow")]
    pub max_bytes: Option<u64>,
    #[arg(long, conflicts_with = "follow")]
    pub dry_run: bool,
    #[command(subcommand)]
    pub command: Option<SyncCommand>,
}

#[derive(Subcommand, Debug)]
#[allow(missing_docs)]
pub enum SyncCommand {
    Explain {
        #[arg(value_name = "HUB|ORGANISATION|ID")]
        what: String,
        #[arg(long)]
        offline: bool,
    },
}

#[derive(Subcommand, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum RecordCommand {
    Add(Fields),
    Edit {
        id: String,
        #[command(flatten)]
        fields: Fields,
    },
    #[command(flatten)]
    Held(HeldCommand),
}

/// What is the same for records of every kind that is written by hand.
#[derive(Subcommand, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum HeldCommand {
    List(Narrow),
    Show { id: String },
    Withdraw(TakeBack),
}

#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum Visible {
    #[default]
    Public,
    Network,
    Hub,
}

#[derive(Args, Debug, Default)]
#[allow(missing_docs)]
pub struct Fields {
    #[arg(long)]
    pub title: Option<String>,
    #[arg(long)]
    pub description: Option<String>,
    #[arg(long, value_name = "TAG")]
    pub text_language: Option<String>,
    #[arg(long, value_delimiter = ',')]
    pub theme: Vec<String>,
    #[arg(long, value_delimiter = ',')]
    pub country: Vec<String>,
    #[arg(long, value_delimiter = ',')]
    pub region: Vec<String>,
    #[arg(long, value_delimiter = ',')]
    pub language: Vec<String>,
    #[arg(long)]
    pub urgency: Option<String>,
    #[arg(long, value_name = "TYPE")]
    pub offer_type: Option<String>,
    #[arg(long, value_delimiter = ',')]
    pub delivery_mode: Vec<String>,
    #[arg(long, value_delimiter = ',', value_name = "PLACE")]
    pub reachable_from: Vec<String>,
    #[arg(long, value_delimiter = ',', value_name = "CIRCLE=DAYS")]
    pub escalate: Vec<String>,
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    #[arg(long, value_name = "DATE")]
    pub until: Option<String>,
    #[arg(long, value_name = "DATE")]
    pub confirm_by: Option<String>,
    #[arg(long)]
    pub place: Option<String>,
    #[arg(long)]
    pub url: Option<String>,
    #[arg(long)]
    pub provider: Option<String>,
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub seats: Option<u32>,
    #[arg(long, value_name = "ID")]
    pub course: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub visible: Visible,
    #[arg(long = "to", value_delimiter = ',', value_name = "ORGANISATION", conflicts_with = "visible")]
    pub sealed_to: Vec<String>,
    #[arg(long, value_name = "ID", conflicts_with_all = ["visible", "sealed_to"])]
    pub thread: Option<String>,
}

#[derive(Args, Debug, Default)]
#[allow(missing_docs)]
pub struct Narrow {
    #[arg(long)]
    pub mine: bool,
    #[arg(long)]
    pub country: Vec<String>,
    #[arg(long)]
    pub theme: Vec<String>,
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    #[arg(long, value_name = "DATE")]
    pub until: Option<String>,
    #[arg(long)]
    pub withdrawn: bool,
    #[arg(long)]
    pub sector: Vec<String>,
    #[arg(long)]
    pub skill: Vec<String>,
    #[arg(long)]
    pub free: bool,
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct Search {
    #[arg(required = true)]
    pub words: Vec<String>,
    #[arg(long)]
    pub kind: Vec<String>,
    #[arg(long)]
    pub country: Vec<String>,
    #[arg(long)]
    pub theme: Vec<String>,
    #[arg(long)]
    pub sector: Vec<String>,
    #[arg(long)]
    pub skill: Vec<String>,
    #[arg(long)]
    pub free: bool,
    #[arg(long)]
    pub limit: Option<u32>,
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct Import {
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    #[arg(long = "as", value_name = "KIND")]
    pub kind: String,
    #[arg(long)]
    pub dry_run: bool,
    #[arg(long, default_value = "")]
    pub licence: String,
    #[arg(long, default_value = "", value_name = "NAME")]
    pub source: String,
    #[arg(long, value_name = "COLUMN=FIELD")]
    pub map: Vec<String>,
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    #[arg(long, value_name = "TAG")]
    pub text_language: Option<String>,
    #[arg(long, value_delimiter = ',')]
    pub theme: Vec<String>,
    #[arg(long, value_enum, default_value_t)]
    pub visible: Visible,
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct Export {
    #[arg(long, value_name = "KIND", default_value = "course")]
    pub kind: String,
    #[arg(long, value_name = "FORMAT", default_value = "json-ld")]
    pub format: String,
    #[arg(long)]
    pub mine: bool,
    #[arg(long)]
    pub form: bool,
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Args, Debug, Default)]
#[allow(missing_docs)]
pub struct Org {
    #[arg(long)]
    pub name: Option<String>,
    #[arg(long)]
    pub description: Option<String>,
    #[arg(long)]
    pub url: Option<String>,
    #[arg(long)]
    pub contact: Option<String>,
    #[arg(long, value_delimiter = ',')]
    pub language: Vec<String>,
}

#[derive(Subcommand, Debug)]
#[allow(missing_docs)]
pub enum Key {
    List,
    Add {
        label: String,
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
        #[arg(long)]
        treasury: bool,
    },
    Revoke {
        key: String,
        #[arg(long, default_value = "unstated")]
        reason: String,
        #[arg(long)]
        common: bool,
    },
    Rotate,
    Backup {
        file: PathBuf,
    },
    ExportAge {
        #[arg(value_name = "FILE")]
        key_file: PathBuf,
    },
    Recover(Recover),
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct Recover {
    #[arg(value_name = "FILE")]
    pub recover_file: PathBuf,
    #[arg(long, value_name = "ID")]
    pub organisation: Option<String>,
    #[arg(long, value_name = "KEY")]
    pub recovery_key: Option<String>,
    #[arg(long)]
    pub no_passphrase: bool,
}

#[derive(Subcommand, Debug)]
#[allow(missing_docs)]
pub enum CarryCommand {
    Out(CarryOut),
    In {
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct CarryOut {
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    #[arg(long = "for", value_name = "ID|CARD")]
    pub reader: Option<String>,
    #[arg(long, value_name = "SIZE")]
    pub size: Option<String>,
    #[arg(long)]
    pub artifacts: bool,
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct Reply {
    #[arg(value_name = "ID")]
    pub refusal: String,
    #[arg(required = true, value_name = "TEXT")]
    pub words: Vec<String>,
}

#[derive(Args, Debug, Default)]
#[allow(missing_docs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Audit {
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[arg(long)]
    pub restricted: bool,
    #[arg(long)]
    pub offline: bool,
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
}

#[derive(Subcommand, Debug)]
#[allow(missing_docs)]
pub enum AuditCommand {
    Verify { file: PathBuf },
    Refusals,
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct Demo {
    #[arg(long)]
    pub exit: bool,
}

/// A number of bytes: plain, or with K or M for 1,024 and 1,048,576.
fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.trim().to_ascii_uppercase() {
        t if t.ends_with('K') => (t.trim_end_matches('K').to_owned(), 1024),
        t if t.ends_with('M') => (t.trim_end_matches('M').to_owned(), 1024 * 1024),
        t => (t, 1),
    };
    let number: u64 = number.parse().map_err(|_| "a number, or one with K or M: 500K".to_owned())?;
    number.checked_mul(unit).filter(|bytes| *bytes > 0).ok_or_else(|| "from 1 byte on".to_owned())
}
