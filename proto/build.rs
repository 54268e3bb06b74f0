//! Compiles the schema with protox, so that building needs no protoc.

const FILES: [&str; 11] = [
    "text",
    "sealed",
    "acts",
    "artifact",
    "bank",
    "records",
    "federation",
    "exchange",
    "membership",
    "admin",
    "carry",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files: Vec<String> = FILES.iter().map(|f| format!("caphub/v1/{f}.proto")).collect();
    for file in &files {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(&files, ["."])?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("caphub.bin"), prost::Message::encode_to_vec(&descriptors))?;

    let mut config = tonic_prost_build::configure()
        .bytes(".caphub.v1.Run.entries")
        .type_attribute(".", "#[allow(missing_docs)]");
    for message in RECORDS {
        config = config
            .message_attribute(
                format!(".caphub.v1.{message}"),
                "#[derive(serde::Serialize, serde::Deserialize)]",
            )
            .message_attribute(format!(".caphub.v1.{message}"), "#[serde(default, deny_unknown_fields)]");
    }
    for field in PARTY_FIELDS {
        config = config.field_attribute(field, "#[serde(with = \"crate::exchange::json::party\")]");
    }
    for field in HEX_FIELDS {
        config = config.field_attribute(field, "#[serde(with = \"crate::exchange::json::hex_bytes\")]");
    }
    for field in PARTY_LISTS {
        config = config.field_attribute(field, "#[serde(with = \"crate::exchange::json::parties\")]");
    }
    for field in HEX_LISTS {
        config = config.field_attribute(field, "#[serde(with = \"crate::exchange::json::hex_list\")]");
    }
    for oneof in ONEOFS {
        config = config
            .enum_attribute(oneof, "#[derive(serde::Serialize, serde::Deserialize)]")
            .enum_attribute(oneof, "#[serde(rename_all = \"snake_case\")]");
    }
    config.compile_fds(descriptors)?;
    Ok(())
}

/// Messages that people write as TOML or JSON and read with `--json`.
const RECORDS: &[&str] = &[
    "LocalisedText",
    "Translation",
    "Link",
    "Window",
    "Money",
    "Area",
    "Source",
    "PartyProfile",
    "Need",
    "RecipientTerms",
    "Escalation",
    "Offer",
    "Capacity",
    "Eligibility",
    "Cost",
    "Course",
    "Session",
    "Attestation",
    "Recognition",
    "Refusal",
    "Reply",
    "NodeCard",
    "Withdraw",
    "EntryRef",
    "RecordRef",
    "Call",
    "Draw",
    "Nomination",
    "Seen",
    "ActNote",
    "EngagementAct",
    "EngagementProposal",
    "ProviderTerms",
    "EngagementAgreement",
    "EngagementAcceptance",
    "EngagementEvaluation",
    "EngagementResolution",
    "FellowshipAct",
    "FellowshipNominate",
    "FellowshipClose",
    "FellowshipCosign",
    "FellowshipDraw",
    "FellowshipDecision",
    "FellowshipStep",
    "FundAct",
    "FundCharter",
    "FundPledge",
    "FundPayment",
    "FundProposal",
    "FundMilestone",
    "FundVote",
    "FundStep",
    "Technique",
    "Evidence",
    "Reference",
    "Artifact",
    "Blob",
    "Sbom",
    "Provenance",
    "Advisory",
    "Endorsement",
    "Barrier",
    "Vocabulary",
    "VocabularyTerm",
    "TermMapping",
    "CodeMapping",
    "RuleSet",
    "RuleWeight",
    "Project",
    "ProjectParty",
    "ProjectAmount",
    "Erasure",
    "LinkState",
    "MembershipRequest",
    "CarryOutReport",
    "CarryReader",
    "CarryFile",
    "CarryFault",
    "CarryInReport",
    "CarryInFile",
    "CarryCount",
];
/// Party ids, shown as bech32m.
const PARTY_FIELDS: &[&str] = &[
    "Attestation.party",
    "Recognition.hub",
    "Refusal.party",
    "Reply.party",
    "RecordRef.party",
    "EngagementProposal.recipient",
    "EngagementProposal.provider",
    "FellowshipDecision.nominator",
    "FellowshipStep.nominator",
    "FundProposal.recipient",
    "Barrier.provider_party",
    "LinkState.party_id",
    "MembershipRequest.party_id",
    "CarryReader.party_id",
    "CarryInFile.party_id",
];
/// Other byte strings, shown as lower-case hex.
const HEX_FIELDS: &[&str] = &[
    "Session.course_id",
    "Reply.record_id",
    "NodeCard.node_key",
    "EntryRef.feed_id",
    "RecordRef.record_id",
    "Blob.digest",
    "Blob.manifest",
    "Endorsement.digest",
    "Seen.feed_id",
    "Seen.entry_hash",
    "EngagementAct.root",
    "EngagementAcceptance.to",
    "FellowshipNominate.nomination",
    "FellowshipCosign.closing",
    "FellowshipCosign.list_hash",
    "FellowshipDraw.value",
    "FellowshipDecision.nomination",
    "FellowshipStep.nomination",
    "FundAct.root",
    "FundPayment.about",
    "FundVote.about",
    "FundStep.about",
];
/// Lists of party ids.
const PARTY_LISTS: &[&str] = &["Call.attesting_hubs", "FundCharter.board"];
/// Lists of other byte strings.
const HEX_LISTS: &[&str] = &["FellowshipClose.nominations", "FellowshipDraw.shown"];
/// Choices of which exactly one is written, as a field of its name.
const ONEOFS: &[&str] = &["EngagementAct.act", "FellowshipAct.act", "FundAct.act"];
