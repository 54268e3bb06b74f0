//! Every way that leads to a hub, and what is said where somebody on the way steps in: the real program against
//! proxies, inspecting ones, sign-in pages and resets.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use caphub_tests::proxies::{Meddler, Role};
use caphub_tests::{Machine, Said};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
const ONION: &str = "caphubcaphubcaphubcaphubcaphubcaphubcaphubcaphubcaphubcd.onion:7430";

fn login(user: &str, password: &str) -> Option<(String, String)> {
    Some((user.to_owned(), password.to_owned()))
}

fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

fn says(said: &Said, code: i32, words: &[&str]) {
    assert_eq!(said.code, code, "{said:?}");
    // Whatever is folded to the columns of a terminal.
    let told = said.err.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words.iter().map(|word| word.trim()) {
        assert!(told.contains(word), "{word:?} is missing: {said:?}");
    }
}

#[tokio::test]
async fn a_hub_behind_an_onion_name_is_reached_through_socks_with_a_password_that_nobody_tells() {
    let machine = Machine::new(PROGRAM, "en");
    let listen = free_port();
    let hub = machine.hub_at("hub", "Hidden Hub", "009", &listen, &[("CAPHUB_ADDRESSES", ONION)]).await;
    let file = hub.invitation("TV").await;
    let socks = Meddler::start(Role::Socks(login("fj", "coral-reef")), &[(ONION, &listen)]).await;
    let join = |proxy: String| {
        let (machine, file) = (&machine, &file);
        async move { machine.run(&["--home", "tv", "--proxy", &proxy, "join", file]).await }
    };
    let plain = join("none".to_owned()).await;
    says(&plain, 0, &["is an onion address", "SOCKS5", "hint: name the proxy"]);
    let sync = |proxy: String| {
        let machine = &machine;
        async move { machine.run(&["--home", "tv", "--proxy", &proxy, "sync"]).await }
    };
    let without = sync(format!("socks5://{}", socks.address)).await;
    says(&without, 4, &["asks for a user and a password: name them, as in socks5://USER:PASSWORD@HOST:PORT"]);
    let wrong = sync(format!("socks5://fj:coral-leaf@{}", socks.address)).await;
    says(&wrong, 4, &["does not take this user and password"]);
    assert!(socks.asked().is_empty());
    let right = sync(format!("socks5://fj:coral-reef@{}", socks.address)).await;
    says(&right, 0, &["You are a member of Hidden Hub"]);
    // The name reaches the proxy as a name: nothing was looked up here.
    assert_eq!(socks.asked(), [ONION]);
    for said in [plain, without, wrong, right] {
        assert!(!said.err.contains("coral") && !said.out.contains("coral"), "{said:?}");
    }
    let gone = Meddler::start(Role::Silent, &[]).await.address;
    let closed = free_port();
    says(&sync(format!("socks5://{closed}")).await, 4, &["does not answer"]);
    says(&sync(format!("socks4://{gone}")).await, 2, &["a proxy of the kind \"socks4\" is not spoken to"]);
}

#[tokio::test]
async fn connect_on_any_port_with_a_password_serves_members_and_links() {
    let machine = Machine::new(PROGRAM, "en");
    let listen = free_port();
    let name = "hub.example:7430";
    let hub = machine.hub_at("hub", "Far Hub", "009", &listen, &[("CAPHUB_ADDRESSES", name)]).await;
    let near = machine.hub("near", "Near Hub", "061").await;
    let (file, card, near_card) = (hub.invitation("TV").await, hub.card().await, near.card().await);
    // "fj:coral reef" in base64.
    let basic = Some("Basic Zmo6Y29yYWwgcmVlZg==".to_owned());
    let proxy = Meddler::start(Role::Connect(basic), &[(name, &listen)]).await;
    let (open, locked) =
        (format!("http://fj:coral%20reef@{}", proxy.address), format!("http://{}", proxy.address));
    machine.run(&["--home", "tv", "join", &file, "--proxy", &locked]).await.ok();
    let sync = |proxy: String| {
        let machine = &machine;
        async move { machine.run(&["--home", "tv", "--json", "sync", "--proxy", &proxy]).await }
    };
    let no = sync(locked.clone()).await;
    says(&no, 4, &["asks for a user and a password", "hint: name the proxy with --proxy or CAPHUB_PROXY"]);
    assert_eq!(no.json()["error"]["reason"], "proxy");
    let blocks = Meddler::start(Role::Says("HTTP/1.1 403 Forbidden by policy"), &[]).await;
    says(&sync(format!("http://{}", blocks.address)).await, 4, &["403 Forbidden by policy"]);
    let odd = Meddler::start(Role::Says("SSH-2.0-x"), &[]).await;
    says(&sync(format!("http://{}", odd.address)).await, 4, &["not one of an HTTP proxy"]);
    sync(open.clone()).await.ok();
    assert_eq!(proxy.asked(), [name]);

    near.ask(&["link", "add", &card, "--link-proxy", &locked]).await.ok();
    hub.ask(&["link", "add", &near_card]).await.ok();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let links = near.ask(&["link", "list"]).await.ok().json();
        let detail = links[0]["detail"].as_str().unwrap_or_default();
        if detail.contains("asks for a user and a password") {
            break;
        }
        assert!(Instant::now() < deadline, "{links}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    near.ask(&["link", "add", &card, "--link-proxy", &open]).await.ok();
    near.reaches("links", 1).await;
    let links = near.ask(&["link", "list"]).await.ok().json();
    assert_eq!(links[0]["proxy"], format!("http://{}", proxy.address), "{links}");
    assert!(!near.log().contains("coral"), "{}", near.log());
    let mode = std::fs::metadata(near.below("links.json")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let refused = near.ask(&["link", "add", &card, "--link-proxy", "gopher://x"]).await;
    says(&refused, 1, &["gopher"]);
}

#[tokio::test]
async fn whoever_meddles_on_the_way_is_named_and_the_carry_file_is_offered() {
    for (role, words, language, hint, proxied) in [
        (Role::Inspecting, "behind an inspecting proxy", "en", "caphub carry out", "an inspecting proxy"),
        (Role::Portal, "answers in plain text", "en", "caphub carry out", "an inspecting proxy"),
        (
            Role::Reset,
            "coupe la poignée de main sécurisée",
            "fr",
            "portez les fiches à la main",
            "qui inspecte",
        ),
    ] {
        let machine = Machine::new(PROGRAM, language);
        let meddler = Meddler::start(role, &[]).await;
        let address = meddler.address.to_string();
        let hub = machine.hub_at("hub", "Hub", "009", "127.0.0.1:0", &[("CAPHUB_ADDRESSES", &address)]).await;
        let file = hub.invitation("TV").await;
        machine.run(&["--home", "tv", "join", &file]).await.ok();
        let said = machine.run(&["--home", "tv", "--json", "sync"]).await;
        let label = if language == "fr" { "conseil : " } else { "hint: " };
        says(&said, 4, &[&address, words, label, hint]);
        assert_eq!(said.json()["error"]["reason"], "interference");
        // Behind a proxy that is told, an inspecting one looks the same.
        let proxy = Meddler::start(Role::InspectingProxy, &[]).await;
        let through = format!("http://{}", proxy.address);
        let said = machine.run(&["--home", "tv", "--proxy", &through, "sync"]).await;
        says(&said, 4, &[proxied, hint]);
    }
}

#[tokio::test]
async fn a_silent_first_address_and_another_hub_at_the_second_cost_moments_and_are_told() {
    let machine = Machine::new(PROGRAM, "en");
    let silent = Meddler::start(Role::Silent, &[]).await;
    let other = machine.hub("other", "Other Hub", "061").await;
    let listen = free_port();
    let all = format!("{},{},{listen}", silent.address, other.address);
    let mut hub = machine.hub_at("hub", "Hub", "009", &listen, &[("CAPHUB_ADDRESSES", &all)]).await;
    let file = hub.invitation("TV").await;
    let started = Instant::now();
    machine.run(&["--home", "tv", "join", &file]).await.ok();
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    hub.reaches("members", 1).await;
    hub.kill().await;
    let said = machine.run(&["--home", "tv", "sync"]).await;
    let silent = format!("{} does not complete the secure handshake in time", silent.address);
    let other = format!("{} is another hub than the expected one", other.address);
    says(&said, 4, &[&silent, &other, &format!("{listen} does not answer")]);
}
