//! Streams that no program should print, for every driver: cut, merged, mixed, of wrong types, endless.
//!
//! Nothing of it may be a panic, and no text may be kept that is as long as whoever wrote it liked.

use crate::replay::{driver, recordings_of};
use ppe_adapters::executor::drivers::{Driver, KNOWN, ProcessEnd, Seen};
use ppe_core::usage::Usage;
use proptest::prelude::*;
use serde_json::Value;
use std::sync::LazyLock;

/// No event and no reason is longer, written with escapes.
const LONGEST: usize = 8_000;
/// All that is kept of a run is not longer.
const LONGEST_SEEN: usize = 80_000;

/// What stands in all recordings, one each.
static STREAMS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let all = KNOWN.iter().flat_map(|agent| recordings_of(agent));
    all.map(|recording| recording.lines().join("\n").into_bytes()).filter(|text| !text.is_empty()).collect()
});

fn drivers() -> Vec<Driver> {
    KNOWN.iter().map(|agent| driver(agent)).collect()
}

/// Feeds a stream to a driver and tells its end, looking at all that comes of it.
fn feed<'a>(driver: &Driver, lines: impl IntoIterator<Item = &'a str>) {
    let mut seen = Seen::default();
    for line in lines {
        for event in driver.line(line) {
            let length = format!("{event:?}").len();
            assert!(length <= LONGEST, "an event of {length} bytes: {:.300}", format!("{event:?}"));
            seen.add(event);
        }
    }
    let length = format!("{seen:?}").len();
    assert!(length <= LONGEST_SEEN, "{length} bytes are kept");
    let before = Usage { input: 7, cache_read: u64::MAX, ..Usage::default() };
    for exit in [ProcessEnd::Code(0), ProcessEnd::Code(1), ProcessEnd::Signal(-5), ProcessEnd::OutputCap] {
        let end = driver.finish(&exit, &seen, &before);
        assert!(format!("{:?}", end.exit).len() <= LONGEST);
    }
}

fn feed_all(stream: &[u8]) {
    let text = String::from_utf8_lossy(stream);
    for driver in &drivers() {
        feed(driver, text.lines());
    }
}

/// Values that are no good in any field.
fn bad_value() -> impl Strategy<Value = Value> {
    let texts = [
        "",
        "\u{0}\u{1b}[2J\n",
        "status 99",
        "status é9",
        "Reconnecting... 99999999999/",
        "-",
        "{\"error\":{}}",
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop_oneof![Just(u64::MAX), any::<u64>()].prop_map(Value::from),
        prop_oneof![Just(1e308), Just(-1e308), Just(1e-308), any::<f64>()].prop_map(Value::from),
        proptest::sample::select(texts.to_vec()).prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        (1_usize..20_000).prop_map(|length| Value::from("é\u{202e}\n".repeat(length))),
        Just(serde_json::json!([])),
        Just(serde_json::json!({})),
        Just(serde_json::json!([[[{"type": "text", "text": 1}]], null, "x"])),
    ]
}

/// The places in a value, itself among them.
fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(all) => all.iter().map(places).sum(),
        Value::Object(all) => all.values().map(places).sum(),
        _ => 0,
    }
}

/// Puts a value at one of the places, counted from the outside in.
fn put(value: &mut Value, mut at: usize, new: &Value) {
    if at == 0 {
        *value = new.clone();
        return;
    }
    at -= 1;
    let below: Vec<&mut Value> = match value {
        Value::Array(all) => all.iter_mut().collect(),
        Value::Object(all) => all.values_mut().collect(),
        _ => return,
    };
    for inner in below {
        let size = places(inner);
        if at < size {
            return put(inner, at, new);
        }
        at -= size;
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_stream_may_be_cut_and_begun_anywhere(
        stream in 0..STREAMS.len(),
        (from, until) in (any::<proptest::sample::Index>(), any::<proptest::sample::Index>()),
    ) {
        let stream = &STREAMS[stream];
        let (from, until) = (from.index(stream.len()), until.index(stream.len()));
        feed_all(&stream[from.min(until)..from.max(until)]);
    }

    #[test]
    fn lines_may_be_merged_mixed_and_damaged(
        streams in proptest::collection::vec(0..STREAMS.len(), 1..4),
        seeds in proptest::collection::vec(any::<proptest::sample::Index>(), 1..40),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..40),
    ) {
        let mut lines: Vec<&[u8]> = streams.iter().flat_map(|at| STREAMS[*at].split(|b| *b == b'\n')).collect();
        for pair in seeds.chunks_exact(2) {
            let count = lines.len();
            lines.swap(pair[0].index(count), pair[1].index(count));
        }
        let mut bytes = lines.join(&b'\n');
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let newlines: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').collect();
        for at in seeds.iter().filter(|_| !newlines.is_empty()).map(|seed| newlines[seed.index(newlines.len())]) {
            bytes[at] = b' ';
        }
        feed_all(&bytes);
    }

    #[test]
    fn any_field_may_hold_anything(
        stream in 0..STREAMS.len(),
        changes in proptest::collection::vec(
            (any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), bad_value()),
            1..12,
        ),
    ) {
        let text = String::from_utf8_lossy(&STREAMS[stream]);
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for (line, place, new) in &changes {
            let line = line.index(lines.len());
            let place = place.index(places(&lines[line]));
            put(&mut lines[line], place, new);
        }
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        for driver in &drivers() { feed(driver, lines.iter().map(|line| &**line)); }
    }

    #[test]
    fn garbage_is_text(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        feed_all(&bytes);
    }
}

#[test]
fn endless_texts_are_cut_in_every_field_of_every_kind_of_line() {
    let long = Value::from("word é\u{1b}[2J ".repeat(4_000));
    let mut kinds = std::collections::BTreeSet::new();
    let drivers = drivers();
    for stream in STREAMS.iter() {
        for line in String::from_utf8_lossy(stream).lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let keys: Vec<_> = line.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
            let kind = (line["type"].clone().to_string(), line["subtype"].clone().to_string(), keys);
            if !kinds.insert(kind) {
                continue;
            }
            let mut stretched = line.clone();
            stretch(&mut stretched, &long);
            let stretched = stretched.to_string();
            for driver in &drivers {
                feed(driver, [&*stretched]);
            }
        }
    }
    assert!(kinds.len() > 20, "{} kinds of lines", kinds.len());
}

/// Puts a long text in place of each text that does not say what kind of thing it stands in.
fn stretch(value: &mut Value, long: &Value) {
    match value {
        Value::String(_) => *value = long.clone(),
        Value::Array(all) => all.iter_mut().for_each(|inner| stretch(inner, long)),
        Value::Object(all) => {
            let telling = |key: &str| ["type", "subtype", "status", "sessionUpdate", "method"].contains(&key);
            all.iter_mut().filter(|(key, _)| !telling(key)).for_each(|(_, inner)| stretch(inner, long));
        }
        _ => {}
    }
}

#[test]
fn lines_of_ten_megabytes_and_of_no_end_in_depth() {
    let long = "x".repeat(10_000_000);
    let nested = "[".repeat(200_000);
    let objects = "{\"error\":".repeat(50_000);
    let lines = [
        long.clone(),
        nested.clone(),
        objects.clone(),
        format!(r#"{{"type":"assistant","message":{{"content":[{{"type":"text","text":"{long}"}}]}}}}"#),
        format!(r#"{{"type":"result","is_error":true,"result":"{long}"}}"#),
        format!(r#"{{"type":"turn.failed","error":{{"message":"{long}"}}}}"#),
        format!(r#"{{"type":"{long}"}}"#),
        format!(r#"{{"type":"error","message":{nested}"#),
        format!(r#"{{"type":"turn.failed","error":{{"message":{objects:?}}}}}"#),
        format!(
            r#"{{"type":"result","modelUsage":{{"m":{{"inputTokens":{},"costUSD":1e999}}}}}}"#,
            "9".repeat(400)
        ),
    ];
    for line in &lines {
        for driver in &drivers() {
            feed(driver, [&**line]);
        }
    }
}

#[test]
fn absurd_counts_are_summed_without_end() {
    let most = u64::MAX;
    let claude = format!(
        r#"{{"type":"result","is_error":false,"total_cost_usd":1e17,"modelUsage":{{"m":{{"inputTokens":{most}}}}},"model_usage_since_last_result":{{"m":{{"inputTokens":{most},"outputTokens":{most},"costUSD":9e11}},"n":{{"inputTokens":{most},"costUSD":1e300}}}}}}"#
    );
    let codex = format!(
        r#"{{"type":"turn.completed","usage":{{"input_tokens":{most},"cached_input_tokens":{most},"output_tokens":{most}}}}}"#
    );
    for line in [claude, codex] {
        for driver in &drivers() {
            feed(driver, std::iter::repeat_n(&*line, 1_000));
        }
    }
}
