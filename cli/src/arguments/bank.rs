//! The data bank: techniques, artifacts, barriers, vocabularies.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Narrow, Visible};

#[derive(Subcommand, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum TechniqueCommand {
    Add(TechniqueFields),
    Edit {
        id: String,
        #[command(flatten)]
        fields: TechniqueFields,
    },
    List(Narrow),
    Show {
        id: String,
    },
    Use(Declare),
    Assess {
        id: String,
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=5))]
        rating: u32,
        #[arg(long, default_value = "")]
        note: String,
        #[arg(long, value_name = "URL")]
        link: Vec<String>,
    },
    Withdraw(TakeBack),
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct Declare {
    pub id: String,
    #[arg(long, default_value = "")]
    pub note: String,
    /// Takes the declaration back.
    #[arg(long)]
    pub end: bool,
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct TakeBack {
    pub id: String,
    #[arg(long)]
    pub erase: bool,
    #[arg(long, default_value = "")]
    pub note: String,
}

#[derive(Args, Debug, Default)]
#[allow(missing_docs)]
pub struct TechniqueFields {
    #[arg(long)]
    pub title: Option<String>,
    #[arg(long)]
    pub problem: Option<String>,
    #[arg(long)]
    pub step: Vec<String>,
    #[arg(long)]
    pub prerequisite: Vec<String>,
    #[arg(long)]
    pub adaptation: Vec<String>,
    #[arg(long, value_name = "TEXT|URL")]
    pub evidence: Vec<String>,
    #[arg(long, value_name = "SCHEME:ID")]
    pub reference: Vec<String>,
    #[arg(long, value_name = "ID")]
    pub artifact: Vec<String>,
    #[arg(long, value_delimiter = ',')]
    pub theme: Vec<String>,
    #[arg(long)]
    pub sector: Vec<String>,
    #[arg(long)]
    pub skill: Vec<String>,
    #[arg(long)]
    pub free: bool,
    #[arg(long, value_name = "AMOUNT CURRENCY", conflicts_with = "free")]
    pub price: Option<String>,
    #[arg(long)]
    pub keyword: Vec<String>,
    #[arg(long, id = "item_licence", value_name = "TEXT")]
    pub licence: Option<String>,
    #[arg(long, value_name = "TEXT", id = "item_version")]
    pub version: Option<String>,
    #[arg(long, value_name = "ID")]
    pub adapts: Option<String>,
    #[arg(long, value_name = "ID")]
    pub translates: Option<String>,
    #[arg(long, value_name = "TAG")]
    pub text_language: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub visible: Visible,
}

#[derive(Subcommand, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum BarrierCommand {
    Add(BarrierFields),
    List {
        #[arg(long)]
        country: Vec<String>,
        #[arg(long)]
        mine: bool,
        #[arg(long)]
        open: bool,
    },
    Show {
        id: String,
    },
    Reply {
        id: String,
        #[arg(required = true, value_name = "TEXT")]
        words: Vec<String>,
        #[arg(long, value_name = "STATE", value_parser = ["eased", "lifted"])]
        claim: Option<String>,
    },
    Ease(BarrierStep),
    Lift(BarrierStep),
    Recur(BarrierStep),
    Withdraw(TakeBack),
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct BarrierStep {
    pub id: String,
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    #[arg(long, value_name = "TEXT|URL")]
    pub evidence: Vec<String>,
}

#[derive(Args, Debug, Default)]
#[allow(missing_docs)]
pub struct BarrierFields {
    #[arg(long)]
    pub title: Option<String>,
    #[arg(long)]
    pub description: Option<String>,
    #[arg(long = "type", id = "barrier_type", value_name = "TYPE")]
    pub barrier_type: Option<String>,
    #[arg(long)]
    pub service: Option<String>,
    #[arg(long)]
    pub host: Vec<String>,
    #[arg(long)]
    pub provider: Option<String>,
    #[arg(long, value_name = "ORGANISATION")]
    pub provider_party: Option<String>,
    #[arg(long, value_delimiter = ',')]
    pub country: Vec<String>,
    #[arg(long, value_delimiter = ',')]
    pub region: Vec<String>,
    #[arg(long, value_name = "DATE")]
    pub since: Option<String>,
    #[arg(long, value_name = "TEXT|URL")]
    pub evidence: Vec<String>,
    #[arg(long, value_name = "ID")]
    pub about: Vec<String>,
    #[arg(long, value_name = "TAG")]
    pub text_language: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub visible: Visible,
}

#[derive(Subcommand, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum VocabularyCommand {
    Add(VocabularyAdd),
    List,
    Show {
        #[arg(id = "list_name", value_name = "NAME")]
        name: String,
        #[arg(id = "code_words", value_name = "WORDS")]
        words: Vec<String>,
    },
    Map(VocabularyMap),
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct VocabularyAdd {
    #[arg(id = "list_file", value_name = "FILE")]
    pub file: PathBuf,
    #[arg(long, id = "short_name", value_name = "NAME")]
    pub name: Option<String>,
    #[arg(long)]
    pub title: Option<String>,
    #[arg(long = "version", id = "item_version", value_name = "TEXT")]
    pub list_version: Option<String>,
    #[arg(long)]
    pub publisher: Option<String>,
    #[arg(long, id = "item_licence", value_name = "TEXT")]
    pub licence: Option<String>,
    #[arg(long)]
    pub url: Option<String>,
    #[arg(long, value_name = "TAG")]
    pub text_language: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub visible: Visible,
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct VocabularyMap {
    #[arg(value_name = "LIST:CODE")]
    pub from_code: String,
    #[arg(value_parser = ["exact", "close", "broad", "narrow", "related"])]
    pub relation: String,
    #[arg(value_name = "LIST:CODE")]
    pub to_code: String,
    #[arg(long = "in", id = "map_list", value_name = "NAME", default_value = "mappings")]
    pub list: String,
}

#[derive(Subcommand, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum ArtifactCommand {
    Add(ArtifactAdd),
    Get(ArtifactGet),
    List(Narrow),
    Show {
        id: String,
        #[arg(long)]
        components: bool,
    },
    Verify {
        #[arg(id = "any_file", value_name = "FILE")]
        file: PathBuf,
    },
    Use(Declare),
    Reproduce {
        id: String,
        #[arg(long, value_name = "HEX")]
        digest: String,
        #[arg(long, default_value = "")]
        note: String,
        #[arg(long, value_name = "URL")]
        link: Vec<String>,
    },
    Advise {
        id: String,
        #[arg(long = "file", id = "advisory_file", value_name = "FILE")]
        file: PathBuf,
        #[arg(long, default_value = "")]
        note: String,
    },
    Withdraw(TakeBack),
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct ArtifactAdd {
    #[arg(id = "any_file", value_name = "FILE")]
    pub path: PathBuf,
    #[arg(long)]
    pub title: Option<String>,
    #[arg(long)]
    pub description: Option<String>,
    #[arg(long, id = "item_licence", value_name = "TEXT")]
    pub licence: Option<String>,
    #[arg(long, value_name = "TEXT", id = "item_version")]
    pub version: Option<String>,
    #[arg(long, value_delimiter = ',')]
    pub theme: Vec<String>,
    #[arg(long)]
    pub withdrawal_terms: Option<String>,
    #[arg(long, default_value = "application/octet-stream", value_name = "TYPE")]
    pub media_type: String,
    #[arg(long, value_name = "FILE")]
    pub sbom: Option<PathBuf>,
    #[arg(long, value_name = "FILE")]
    pub provenance: Vec<PathBuf>,
    #[arg(long, value_name = "ID")]
    pub replaces: Option<String>,
    #[arg(long, value_name = "TAG")]
    pub text_language: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub visible: Visible,
}

#[derive(Args, Debug)]
#[allow(missing_docs)]
pub struct ArtifactGet {
    pub id: String,
    #[arg(long = "out", id = "out_path", value_name = "PATH")]
    pub out: Option<PathBuf>,
    #[arg(long = "hub", id = "from_hub", value_name = "HUB")]
    pub hub: Vec<String>,
    #[arg(long)]
    pub replace: bool,
}
