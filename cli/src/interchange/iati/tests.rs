//! Activities that are valid, that are not, and XML that means harm.

use super::*;
use crate::interchange::wishes_for;

const GOOD: &str = r#"<iati-activity xml:lang="EN" default-currency="USD" xmlns:x="urn:x" x:more="1">
  <iati-identifier>XM-1-2</iati-identifier>
  <reporting-org ref="XM-1" type="40"><narrative>A body</narrative></reporting-org>
  <title><narrative>Logs &amp; more &#233;</narrative><narrative xml:lang="FR">Journaux</narrative></title>
  <description type="1"><narrative>One.</narrative></description>
  <participating-org role="1" ref="XM-1"><narrative>A body</narrative></participating-org>
  <activity-status code="2"/>
  <activity-date type="1" iso-date="2027-01-01"/><activity-date type="3" iso-date="2027-12-31Z"/>
  <recipient-country code="TV"/><recipient-region code="889"/>
  <sector code="22040"/>
  <budget type="1"><period-start iso-date="2027-01-01"/><period-end iso-date="2027-12-31"/>
    <value value-date="2027-01-01">1000.50</value></budget>
  <planned-disbursement type="1"><period-start iso-date="2027-03-01"/><period-end iso-date="2027-03-31"/>
    <value currency="XPF" value-date="2027-01-01">70</value>
    <provider-org><narrative>A body</narrative></provider-org><receiver-org ref="TV-1"/></planned-disbursement>
  <transaction><transaction-type code="13"/><transaction-date iso-date="2027-02-01"/>
    <value currency="EUR" value-date="2027-02-01">-5</value></transaction>
  <x:note>not read<deep/></x:note>
</iati-activity>"#;

fn whole(activity: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<iati-activities version=\"2.03\">\n{activity}\n</iati-activities>")
}

fn problem(activity: &str) -> (String, String) {
    let reading = read(&whole(activity), "f.xml", &wishes_for(RecordKind::Project)).expect("a file");
    let why = reading.found[0].draft.as_ref().expect_err("not valid");
    let get = |name: &str| why.values.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
    (get("place").unwrap_or_default(), get("problem").unwrap_or_default())
}

#[test]
fn a_file_of_another_version_is_told_by_its_version() {
    let old = "<iati-activities version=\"1.05\"><iati-activity><title>Logs</title></iati-activity></iati-activities>";
    let reading = read(old, "f.xml", &wishes_for(RecordKind::Project)).expect("a file");
    let why = reading.found[0].draft.as_ref().expect_err("not valid as 2.03");
    assert_eq!(why.key, "import-iati-other");
    assert!(why.values.contains(&("text", "1.05".to_owned())), "{:?}", why.values);
}

#[test]
fn a_valid_activity_becomes_a_project() {
    let reading = read(&whole(GOOD), "f.xml", &wishes_for(RecordKind::Project)).expect("a file");
    let draft = reading.found[0].draft.as_ref().expect("an activity");
    let project = draft.whole.as_ref().expect("a record");
    assert_eq!(project["title"]["text"], "Logs & more é");
    assert_eq!(project["title"]["translations"][0]["language"], "fr");
    assert_eq!(project["window"]["until"], "2027-12-31");
    assert_eq!(project["regions"][0], "009");
    assert_eq!(project["sectors"][0], "dac:22040");
    assert_eq!(project["budgets"][0]["value"]["currency"], "USD");
    let planned = &project["budgets"][1];
    assert_eq!(
        (&planned["amount_type"], &planned["from"], &planned["to"], &planned["value"]["amount"]),
        (&"planned-disbursement".into(), &"A body".into(), &"TV-1".into(), &"70".into())
    );
    // A pledge of somebody: type 13 of the standard's list, as it was stated.
    let pledged = &project["transactions"][0];
    assert_eq!((&pledged["value"]["amount"], &pledged["amount_type"]), (&"-5".into(), &"13".into()));
    assert_eq!(reading.not_carried, Vec::<String>::new());
}

#[test]
fn what_breaks_the_schema_is_named_with_its_place() {
    for (from, to, place, part) in [
        (
            "<iati-identifier>XM-1-2</iati-identifier>",
            "",
            "reporting-org",
            "reporting-org stands where iati-identifier",
        ),
        ("role=\"1\"", "", "participating-org", "attribute role is missing"),
        (
            "iso-date=\"2027-01-01\"/><activity",
            "iso-date=\"01/01/2027\"/><activity",
            "activity-date[1]",
            "is not a date",
        ),
        (">-5<", ">five<", "transaction/value", "is not a decimal"),
        (
            "<sector code=\"22040\"/>",
            "<sector code=\"22040\" x=\"1\"/>",
            "sector",
            "attribute x is not allowed",
        ),
        (
            "<sector code=\"22040\"/>",
            "<sector code=\"1\"/><recipient-country code=\"TV\"/>",
            "recipient-country",
            "out of order",
        ),
        ("<sector code=\"22040\"/>", "<sektor/>", "sektor", "sektor is not allowed"),
        ("One.", "&unknown;", "description/narrative", "entity &unknown;"),
        ("<activity-status", "text<activity-status", "iati-activity", "text \"text\" is not allowed"),
    ] {
        let (found, problem) = problem(&GOOD.replacen(from, to, 1));
        assert!(found == place && problem.contains(part), "{from} -> {to}: {found}: {problem}");
    }
    let odd = GOOD.replace("code=\"13\"", "code=\"99\"");
    let reading = read(&whole(&odd), "f.xml", &wishes_for(RecordKind::Project)).expect("a file");
    let draft = reading.found[0].draft.as_ref().expect("the schema knows no code lists");
    assert_eq!(draft.notes[0].key, "import-iati-code");
}

#[test]
fn bombs_are_refused_and_cost_nothing() {
    let wishes = wishes_for(RecordKind::Project);
    let laughs = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY a \"b\"><!ENTITY c \"&a;&a;\">]><iati-activities>&c;</iati-activities>";
    let external = "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><iati-activities/>";
    let deep = whole(&"<iati-activity>".repeat(100_000));
    let cut = whole(GOOD).replace("</iati-activities>", "");
    let wide = whole(&format!("<iati-activity>{}</iati-activity>", "<a/>".repeat(600_000)));
    for (bomb, word) in [
        (laughs, "DTD"),
        (external, "DTD"),
        (deep.as_str(), "deep"),
        (cut.as_str(), "cut off"),
        (wide.as_str(), "larger"),
    ] {
        let said = read(bomb, "f.xml", &wishes).err().expect("refused");
        assert!(said.contains(word), "{said}");
    }
    assert!(read("<iati-activities", "f.xml", &wishes).is_err());
}

#[test]
fn an_organisation_becomes_a_project_with_its_budgets() {
    let file = r#"<iati-organisations version="2.03"><iati-organisation default-currency="XDR">
        <organisation-identifier>XM-1</organisation-identifier><name><narrative>A fund</narrative></name>
        <reporting-org ref="XM-1" type="40"><narrative>A fund</narrative></reporting-org>
        <total-budget><period-start iso-date="2027-01-01"/><period-end iso-date="2027-12-31"/>
          <value value-date="2027-01-01">12</value></total-budget>
        <recipient-country-budget><recipient-country code="TV"/><period-start iso-date="2027-01-01"/>
          <period-end iso-date="2027-12-31"/><value currency="USD" value-date="2027-01-01">3</value>
        </recipient-country-budget></iati-organisation></iati-organisations>"#;
    assert!(is_iati(file));
    let reading = read(file, "o.xml", &wishes_for(RecordKind::Project)).expect("a file");
    let draft = reading.found[0].draft.as_ref().expect("an organisation");
    let project = draft.whole.as_ref().expect("a record");
    assert_eq!((&project["title"]["text"], &project["countries"][0]), (&"A fund".into(), &"TV".into()));
    assert_eq!(
        (&project["budgets"][1]["to"], &project["budgets"][1]["value"]["amount"]),
        (&"TV".into(), &"3".into())
    );
    let cut = file.replace(" code=\"TV\"", "");
    let reading = read(&cut, "o.xml", &wishes_for(RecordKind::Project)).expect("a file");
    assert!(reading.found[0].draft.is_err());
}
