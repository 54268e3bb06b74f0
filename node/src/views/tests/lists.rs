//! Filters, order and pages.

use caphub_proto::v1::revision::Record as Kind;
use caphub_proto::v1::{Course, Endorsement, Filter, RecordRef, Session};
use caphub_proto::wire::{Audience, Reason};

use super::world::{NOW, World, Write, course, record_id, text, titles};
use crate::entitlement::Viewer;
use crate::views::{PageRequest, RecordKey, ViewsError};

fn listed(world: &World, filter: &Filter) -> Vec<String> {
    titles(&world.views.list(&Viewer::public(), filter, &PageRequest::default(), NOW).unwrap())
}

fn session(title: &str, starts: &str, ends: &str) -> Kind {
    let (starts, ends) = (starts.to_owned(), ends.to_owned());
    Kind::Session(Session { title: text(title), starts, ends, ..Session::default() })
}

#[test]
fn a_list_is_narrowed_by_kind_party_country_and_theme() {
    let mut world = World::new();
    let (one, two) = (world.party(1), world.party(2));
    let placed = |title: &str, countries: &[&str], themes: &[&str]| {
        let own = |codes: &[&str]| codes.iter().map(|c| (*c).to_owned()).collect();
        Kind::Course(Course {
            title: text(title),
            countries: own(countries),
            themes: own(themes),
            ..Course::default()
        })
    };
    world.publish(&one, &Write::new(1).at(1), placed("a", &["TV", "FJ"], &["x:law"]));
    world.publish(&one, &Write::new(2).at(2), placed("b", &["FJ"], &["x:csirt", "x:law"]));
    world.publish(&two, &Write::new(3).at(3), session("c", "", ""));
    world.catch_up();
    let own = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
    assert_eq!(listed(&world, &Filter::default()), ["c", "b", "a"]);
    assert_eq!(listed(&world, &Filter { kinds: own(&["course"]), ..Filter::default() }), ["b", "a"]);
    assert_eq!(listed(&world, &Filter { party_id: two.party.to_vec(), ..Filter::default() }), ["c"]);
    assert_eq!(listed(&world, &Filter { countries: own(&["TV"]), ..Filter::default() }), ["a"]);
    assert_eq!(listed(&world, &Filter { countries: own(&["TV", "FJ"]), ..Filter::default() }), ["b", "a"]);
    assert_eq!(listed(&world, &Filter { themes: own(&["x:csirt"]), ..Filter::default() }), ["b"]);
    let both = Filter { themes: own(&["x:law"]), countries: own(&["TV"]), ..Filter::default() };
    assert_eq!(listed(&world, &both), ["a"]);
}

#[test]
fn what_names_a_record_is_found_by_it() {
    let mut world = World::new();
    let (one, two) = (world.party(1), world.party(2));
    world.publish(&one, &Write::new(1).at(1), course("asked about"));
    let about = RecordRef { party: one.party.to_vec(), record_id: record_id(1).to_vec() };
    let used = Kind::Endorsement(Endorsement {
        about: Some(about.clone()),
        endorsement_type: "used_by".to_owned(),
        text: text("used here"),
        ..Endorsement::default()
    });
    world.publish(&two, &Write::new(2).at(2), used);
    world.publish(&two, &Write::new(3).at(3), course("another"));
    world.catch_up();
    let filter = |about| Filter { about: Some(about), ..Filter::default() };
    assert_eq!(listed(&world, &filter(about.clone())), ["used here"]);
    let other = RecordRef { party: two.party.to_vec(), ..about };
    assert_eq!(listed(&world, &filter(other)), [""; 0]);
    let bad =
        world.views.list(&Viewer::public(), &filter(RecordRef::default()), &PageRequest::default(), NOW);
    assert!(matches!(bad, Err(ViewsError::BadFilter { field: "about", .. })));
}

#[test]
fn dates_overlap_with_both_ends_included_and_an_open_end_is_open() {
    let mut world = World::new();
    let desk = world.party(1);
    world.publish(&desk, &Write::new(1).at(4), session("march", "2027-03-01", "2027-03-31"));
    world.publish(&desk, &Write::new(2).at(3), session("one day", "2027-04-01T09:00:00Z", ""));
    world.publish(&desk, &Write::new(3).at(1), course("undated"));
    world.catch_up();
    let span = |from: &str, until: &str| {
        listed(&world, &Filter { from: from.to_owned(), until: until.to_owned(), ..Filter::default() })
    };
    assert_eq!(span("2027-03-31", "2027-04-01"), ["march", "one day"]);
    assert_eq!(span("2027-04-01", "2027-04-01"), ["one day"]);
    assert_eq!(span("2027-04-02", ""), [""; 0]);
    assert_eq!(span("", "2027-03-01"), ["march"]);
    assert_eq!(span("", "2027-02-28"), [""; 0]);
}

#[test]
fn pages_follow_each_other_without_gap_or_repetition_while_records_arrive() {
    let mut world = World::new();
    let desk = world.party(1);
    for record in 0..120u8 {
        world.publish(
            &desk,
            &Write::new(record).at(1_000 + u64::from(record / 10)),
            course(&format!("c{record}")),
        );
    }
    world.catch_up();
    for query in ["", "c"] {
        let mut seen = Vec::new();
        let mut request = PageRequest { size: 17, token: String::new() };
        loop {
            let page =
                world.views.search(&Viewer::public(), query, &Filter::default(), &request, NOW).unwrap();
            seen.extend(page.records.iter().map(|r| (r.time_ms, r.record_id.clone())));
            if page.next_page_token.is_empty() {
                break;
            }
            assert_eq!(page.records.len(), 17);
            request.token = page.next_page_token;
        }
        assert!(!query.is_empty() || seen.windows(2).all(|w| w[0].0 >= w[1].0));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), if query.is_empty() { 120 } else { seen.len() });
    }
    let first =
        world.views.list(&Viewer::public(), &Filter::default(), &PageRequest::default(), NOW).unwrap();
    world.publish(&desk, &Write::new(200).at(9_000), course("newer"));
    world.catch_up();
    let request = PageRequest { size: 0, token: first.next_page_token };
    let second = world.views.list(&Viewer::public(), &Filter::default(), &request, NOW).unwrap();
    assert_eq!((first.records.len(), second.records.len(), second.total), (50, 50, 121));
    assert!(second.records.iter().all(|r| !first.records.contains(r)));
}

#[test]
fn page_sizes_are_bounded_and_bad_tokens_and_filters_have_a_reason() {
    let mut world = World::new();
    let desk = world.party(1);
    for record in 0..=250u8 {
        world.publish(&desk, &Write::new(record), course("x"));
    }
    world.catch_up();
    let viewer = Viewer::public();
    let most = PageRequest { size: u32::MAX, token: String::new() };
    assert_eq!(world.views.list(&viewer, &Filter::default(), &most, NOW).unwrap().records.len(), 200);
    let bad = PageRequest { size: 1, token: "zz".to_owned() };
    let refused = world.views.list(&viewer, &Filter::default(), &bad, NOW).unwrap_err();
    assert!(matches!(refused, ViewsError::BadPageToken) && refused.reason() == Reason::BadPageToken);
    let own = |value: &str, times: usize| vec![value.to_owned(); times];
    for filter in [
        Filter { kinds: own("thing", 1), ..Filter::default() },
        Filter { party_id: vec![1; 31], ..Filter::default() },
        Filter { from: "yesterday".to_owned(), ..Filter::default() },
        Filter { themes: own("x:y", 65), ..Filter::default() },
        Filter { countries: vec!["T".repeat(129)], ..Filter::default() },
    ] {
        let refused = world.views.list(&viewer, &filter, &PageRequest::default(), NOW).unwrap_err();
        assert_eq!(refused.reason(), Reason::BadRequest, "{filter:?}");
    }
}

#[test]
fn a_word_in_the_title_comes_before_one_in_the_text() {
    let mut world = World::new();
    let desk = world.party(1);
    let described = |title: &str, words: &str| {
        Kind::Course(Course { title: text(title), description: text(words), ..Course::default() })
    };
    world.publish(&desk, &Write::new(1).at(5), described("Law", "forensics in a few words"));
    world.publish(&desk, &Write::new(2).at(1), described("Forensics", "for prosecutors and judges"));
    world.catch_up();
    assert_eq!(titles(&world.search("forensics")), ["Forensics", "Law"]);
    assert_eq!(titles(&world.search("forensics judges")), ["Forensics"]);
    assert_eq!(titles(&world.search("\"few words\"")), ["Law"]);
    assert_eq!(world.search("\"words few\"").total, 0);
    assert_eq!(world.search("forens").total, 2);
    assert_eq!(world.search("forens judges").total, 0);
}

#[test]
fn no_query_is_an_error() {
    let mut world = World::new();
    let desk = world.party(1);
    world.publish(&desk, &Write::new(1), course("网络安全 and something"));
    world.catch_up();
    let long = "网a ".repeat(50_000);
    for hostile in ["\"", "\"\"", "a AND (", "*", "+-~^", "\0", "\u{202e}x", "text:[a TO", &long, "\"网", "ﷺ"]
    {
        let page = world.search(hostile);
        assert!(page.total <= 1, "{hostile}");
    }
    assert_eq!(world.search("!!").total, 0);
    assert_eq!(world.search("  ").total, 1);
}

#[test]
fn watchers_hear_of_changed_records() {
    let mut world = World::new();
    let desk = world.party(1);
    let mut watch = world.views.watch();
    world.publish(&desk, &Write::new(1), course("x"));
    world.catch_up();
    assert_eq!(watch.try_recv().unwrap(), RecordKey { party: desk.party, record: record_id(1) });
    assert!(watch.try_recv().is_err());
}

#[test]
fn a_match_counts_the_same_in_a_file_of_which_all_records_match_and_in_one_of_which_few_do() {
    let mut world = World::new();
    let desk = world.party(1);
    let described = |title: &str, body: &str| {
        Kind::Course(Course { title: text(title), description: text(body), ..Course::default() })
    };
    // Each commit is a file of the index. Of the first all records have the word, the newest of them in the title.
    world.publish(&desk, &Write::new(1).at(10), described("a", "network"));
    world.publish(&desk, &Write::new(2).at(40), described("network b", "of all"));
    world.catch_up();
    world.publish(&desk, &Write::new(3).at(30), described("c", "network"));
    world.publish(&desk, &Write::new(4).at(50), described("d", "something else"));
    world.publish(&desk, &Write::new(5).at(60), described("e", "networks"));
    world.publish(&desk, &Write::new(6).at(20).to(Audience::Network), described("f", "network"));
    world.catch_up();
    let found = |viewer: &Viewer, query: &str, size: u32, token: String| {
        let request = PageRequest { size, token };
        world.views.search(viewer, query, &Filter::default(), &request, NOW).unwrap()
    };
    let all = found(&Viewer::public(), "network", 0, String::new());
    assert_eq!(titles(&all), ["network b", "c", "a", "e"], "title, then the word by time, then a beginning");
    assert_eq!(all.total, 4);
    let member = Viewer { network: true, ..Viewer::public() };
    assert_eq!(titles(&found(&member, "network", 0, String::new())), ["network b", "c", "f", "a", "e"]);
    assert_eq!(titles(&found(&Viewer::public(), "netw else", 0, String::new())), [""; 0]);
    assert_eq!(titles(&found(&Viewer::public(), "else", 0, String::new())), ["d"]);
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let page = found(&Viewer::public(), "network", 1, token);
        paged.extend(titles(&page));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, titles(&all), "page by page as in one");
}
