//! IATI 2.03 as publishers write it, through the real program: an organisation's file with its budgets, and an activity with
//! a pledge, a plan and payments. Both were written for this test by the standard.

use caphub_tests::Machine;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

const ORGANISATIONS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<iati-organisations version="2.03" generated-datetime="2027-01-05T10:00:00Z">
  <iati-organisation default-currency="EUR" xml:lang="en" last-updated-datetime="2027-01-04T09:00:00Z">
    <organisation-identifier>XM-TEST-1</organisation-identifier>
    <name><narrative>Island Resilience Fund</narrative>
      <narrative xml:lang="fr">Fonds pour la résilience des îles</narrative></name>
    <reporting-org ref="XM-TEST-1" type="40"><narrative>Island Resilience Fund</narrative></reporting-org>
    <total-budget status="2">
      <period-start iso-date="2027-01-01"/><period-end iso-date="2027-12-31"/>
      <value currency="EUR" value-date="2027-01-01">1250000.50</value>
      <budget-line ref="L1"><value currency="EUR" value-date="2027-01-01">250000</value>
        <narrative>Training</narrative></budget-line>
    </total-budget>
    <recipient-org-budget status="1"><recipient-org ref="TV-GOV"><narrative>Government of Tuvalu</narrative></recipient-org>
      <period-start iso-date="2027-01-01"/><period-end iso-date="2027-12-31"/>
      <value currency="EUR" value-date="2027-01-01">40000</value></recipient-org-budget>
    <recipient-region-budget><recipient-region code="889" vocabulary="1"/>
      <period-start iso-date="2027-01-01"/><period-end iso-date="2027-12-31"/>
      <value value-date="2027-01-01">300000</value></recipient-region-budget>
    <recipient-country-budget><recipient-country code="KI"><narrative>Kiribati</narrative></recipient-country>
      <period-start iso-date="2027-01-01"/><period-end iso-date="2027-12-31"/>
      <value currency="USD" value-date="2027-01-01">90000</value></recipient-country-budget>
    <total-expenditure><period-start iso-date="2026-01-01"/><period-end iso-date="2026-12-31"/>
      <value currency="EUR" value-date="2026-12-31">998000.25</value></total-expenditure>
    <document-link format="text/html" url="https://example.org/strategy">
      <title><narrative>Strategy</narrative></title><category code="B02"/></document-link>
  </iati-organisation>
  <iati-organisation>
    <organisation-identifier>XM-TEST-2</organisation-identifier>
    <name><narrative>Without a reporter</narrative></name>
  </iati-organisation>
</iati-organisations>"#;

const ACTIVITIES: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<iati-activities version="2.03">
  <iati-activity default-currency="EUR" xml:lang="en">
    <iati-identifier>XM-TEST-1-9</iati-identifier>
    <reporting-org ref="XM-TEST-1" type="40"><narrative>Island Resilience Fund</narrative></reporting-org>
    <title><narrative>A CSIRT for the islands</narrative></title>
    <description><narrative>Analysts are trained and a desk is set up.</narrative></description>
    <participating-org role="1" ref="XM-DONOR"><narrative>A donor</narrative></participating-org>
    <activity-status code="2"/>
    <activity-date iso-date="2027-01-01" type="1"/>
    <recipient-country code="TV" percentage="100"/>
    <budget type="1" status="2"><period-start iso-date="2027-01-01"/><period-end iso-date="2027-12-31"/>
      <value value-date="2027-01-01">40000</value></budget>
    <planned-disbursement type="1"><period-start iso-date="2027-06-01"/><period-end iso-date="2027-06-30"/>
      <value value-date="2027-01-01">20000</value>
      <provider-org ref="XM-TEST-1"><narrative>Island Resilience Fund</narrative></provider-org>
      <receiver-org ref="TV-GOV"><narrative>Government of Tuvalu</narrative></receiver-org></planned-disbursement>
    <transaction ref="P1"><transaction-type code="13"/><transaction-date iso-date="2027-01-10"/>
      <value value-date="2027-01-10">40000</value><description><narrative>Pledged</narrative></description>
      <provider-org ref="XM-DONOR"><narrative>A donor</narrative></provider-org></transaction>
    <transaction ref="C1"><transaction-type code="2"/><transaction-date iso-date="2027-02-10"/>
      <value value-date="2027-02-10">38000.75</value></transaction>
    <transaction ref="D1"><transaction-type code="3"/><transaction-date iso-date="2027-06-15"/>
      <value currency="AUD" value-date="2027-06-15">31000</value>
      <receiver-org ref="TV-GOV"><narrative>Government of Tuvalu</narrative></receiver-org></transaction>
  </iati-activity>
</iati-activities>"#;

async fn imported(machine: &Machine, file: &str) -> Value {
    let words = ["--home", "a", "--json", "import", "--as", "project", file];
    machine.run(&words).await.ok().json()["files"][0].clone()
}

#[tokio::test]
async fn an_organisations_file_and_an_activity_keep_every_budget_pledge_plan_and_payment() {
    let machine = Machine::new(PROGRAM, "en");
    let hub = machine.hub("hub", "Hub", "009").await;
    let invitation = hub.invitation("TV").await;
    machine.run(&["--home", "a", "join", &invitation, "--name", "A"]).await.ok();
    std::fs::write(machine.path("organisations.xml"), ORGANISATIONS).expect("a file");
    std::fs::write(machine.path("activities.xml"), ACTIVITIES).expect("a file");
    let first = imported(&machine, "organisations.xml").await;
    assert_eq!(first["present"], 2, "{first}");
    let rows = first["rows"].as_array().expect("rows");
    assert_eq!((&rows[0]["action"], &rows[1]["action"]), (&json!("add"), &json!("skip")), "{first}");
    assert!(rows[1].to_string().contains("reporting-org"), "the place is told: {}", rows[1]);
    assert_eq!(imported(&machine, "activities.xml").await["rows"][0]["action"], "add");

    let export = ["--home", "a", "export", "--mine", "--kind", "project", "--format", "json"];
    let projects = machine.run(&export).await.ok().json()["records"].clone();
    let of = |identifier: &str| {
        let all = projects.as_array().expect("projects").iter();
        let mut found = all.map(|p| &p["record"]).filter(|r| r["identifier"] == identifier);
        found.next().unwrap_or_else(|| panic!("no {identifier} in {projects}")).clone()
    };
    let sums = |amounts: &Value| -> Vec<String> {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let one = |a: &Value| {
            let parts =
                [&a["amount_type"], &a["value"]["amount"], &a["value"]["currency"], &a["from"], &a["to"]];
            parts.map(text).join("|").trim_end_matches('|').to_owned()
        };
        amounts.as_array().expect("amounts").iter().map(one).collect()
    };
    let fund = of("XM-TEST-1");
    assert_eq!(fund["title"]["translations"][0]["text"], "Fonds pour la résilience des îles");
    assert_eq!(
        sums(&fund["budgets"]),
        [
            "total-budget|1250000.50|EUR",
            "recipient-org-budget|40000|EUR||Government of Tuvalu",
            "recipient-region-budget|300000|EUR||889",
            "recipient-country-budget|90000|USD||Kiribati",
        ]
    );
    assert_eq!(sums(&fund["transactions"]), ["total-expenditure|998000.25|EUR"]);
    assert_eq!(fund["regions"], json!(["009"]));
    assert_eq!((&fund["countries"], &fund["documents"][0]["title"]), (&json!(["KI"]), &json!("Strategy")));
    let activity = of("XM-TEST-1-9");
    assert_eq!(
        sums(&activity["budgets"]),
        ["1|40000|EUR", "planned-disbursement|20000|EUR|Island Resilience Fund|Government of Tuvalu"]
    );
    // Types of the standard's list: 13 a pledge, 2 a commitment, 3 a disbursement.
    assert_eq!(
        sums(&activity["transactions"]),
        ["13|40000|EUR|A donor", "2|38000.75|EUR", "3|31000|AUD||Government of Tuvalu"]
    );
    for file in ["organisations.xml", "activities.xml"] {
        let again = imported(&machine, file).await;
        assert_ne!(again["rows"][0]["action"], "add", "{again}");
    }
}
