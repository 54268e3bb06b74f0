//! Texts in six languages: some words are in every tenth record and most are rare, as in what people write.

use caphub_proto::v1::LocalisedText;

/// Words of one language that are made up of parts.
const MADE: u64 = 4_000;

/// Each language with words of the field and the parts that rarer words are made of.
pub const LANGUAGES: [(&str, [&str; 8], &str); 6] = [
    (
        "en",
        ["incident", "network", "forensics", "policy", "exercise", "audit", "malware", "awareness"],
        "sec ur net ler tra fic mon ito res pon",
    ),
    (
        "fr",
        ["sécurité", "réponse", "réseau", "politique", "exercice", "audit", "maliciel", "formation"],
        "sé cur ré pon tra fi mon ité ain tion",
    ),
    (
        "es",
        ["seguridad", "respuesta", "redes", "política", "ejercicio", "auditoría", "código", "formación"],
        "se gur re spu tra fi mon dad aña ción",
    ),
    (
        "ru",
        ["безопасность", "реагирование", "сети", "политика", "учения", "аудит", "угрозы", "обучение"],
        "без о пас ре аги ро ва ние сеть ком",
    ),
    (
        "zh",
        ["安全", "响应", "网络", "政策", "演练", "审计", "恶意", "培训"],
        "安 全 响 应 网 络 政 策 演 练 审 计 恶 意 培 训 能 力 建 设",
    ),
    (
        "ar",
        ["الأمن", "الاستجابة", "الشبكات", "السياسة", "التمرين", "التدقيق", "البرمجيات", "التدريب"],
        "أم ن است جا بة شب كا ت تد ريب",
    ),
];

/// A number that looks random and is the same each time.
fn mixed(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// One word: of the field for low numbers, made of parts for the others.
fn word(language: usize, number: u64) -> String {
    let (_, common, parts) = &LANGUAGES[language % LANGUAGES.len()];
    if let Some(word) = common.get(number as usize) {
        return (*word).to_owned();
    }
    let parts: Vec<&str> = parts.split(' ').collect();
    let mut left = mixed(number);
    let mut word = String::new();
    for _ in 0..3 + number % 2 {
        word.push_str(parts[left as usize % parts.len()]);
        left /= parts.len() as u64;
    }
    word
}

/// The number of a word by its rank: half of what is written is rare.
fn ranked(seed: u64) -> u64 {
    let x = mixed(seed);
    // Each range is ten times the one before and written as often as it.
    let top = [8, 80, 800, MADE][(x % 4) as usize];
    (x >> 8) % top
}

/// The text of one record in the language of its number, of about so many bytes.
pub fn text(n: u64, bytes: usize) -> LocalisedText {
    let language = (n % LANGUAGES.len() as u64) as usize;
    let mut text = String::new();
    let mut at = 0;
    while text.len() < bytes {
        text.push_str(&word(language, ranked(mixed(n).wrapping_add(at))));
        text.push(' ');
        at += 1;
    }
    LocalisedText { language: LANGUAGES[language].0.to_owned(), text, translations: Vec::new() }
}

/// What people type: one word to three, of any frequency.
pub fn query(language: usize, n: u64) -> String {
    let words = (0..1 + n % 3).map(|at| word(language, ranked(n.wrapping_mul(31).wrapping_add(at))));
    words.collect::<Vec<_>>().join(" ")
}
