//! The fields of spans in log lines.

use std::fmt::{self, Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};

/// More than the fields of a request take in most cases.
const USUAL_LENGTH: usize = 192;

/// Writes fields as [`DefaultFields`] does, which writes them bit by bit: a twentieth of what a small request costs outside of
/// the kernel, since each has a span whether or not anything is logged of it.
#[derive(Debug, Default)]
pub(crate) struct Fields(DefaultFields);

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        if !writer.has_ansi_escapes() {
            let mut text = PlainText { text: String::with_capacity(USUAL_LENGTH), is_possible: true };
            fields.record(&mut text);
            if text.is_possible {
                return writer.write_str(&text.text);
            }
        }
        self.0.format_fields(writer, fields)
    }
}

/// Fields as text, unless there is something special about one of them.
struct PlainText {
    text: String,
    is_possible: bool,
}

impl PlainText {
    /// Begins with a field.
    fn begin(&mut self, field: &Field) {
        let name = field.name();
        self.is_possible &= name != "message" && !name.starts_with("r#") && !name.starts_with("log.");
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(name);
        self.text.push('=');
    }
}

impl Visit for PlainText {
    fn record_str(&mut self, field: &Field, value: &str) {
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        if !value.bytes().all(is_plain) {
            return self.record_debug(field, &value);
        }
        self.begin(field);
        self.text.push('"');
        self.text.push_str(value);
        self.text.push('"');
    }

    fn record_error(&mut self, _: &Field, _: &(dyn std::error::Error + 'static)) {
        self.is_possible = false;
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if self.is_possible {
            self.begin(field);
            self.is_possible &= write!(self.text, "{value:?}").is_ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::registry;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn log_everything() {
        let error = io::Error::other(io::Error::other("deep"));
        let error: &(dyn std::error::Error + 'static) = &error;
        for path in ["/plain", "/\"quoted\"", "/back\\slash", "/ümlaut", "/line\nbreak", "/\u{1b}[31m", ""] {
            let span = tracing::info_span!("request", http.method = %"GET", http.path = path, r#type = path);
            let _inside = span.enter();
            tracing::info!(path, status = 200, took = 1.5, none = tracing::field::Empty, "answered {path}");
            tracing::info!(error, is_bad = true, debug = ?path, "failed");
            tracing::info!(without = "message");
            let _deeper = tracing::info_span!("deeper", error, later = tracing::field::Empty).entered();
            tracing::Span::current().record("later", path);
            tracing::info!("later");
        }
    }

    #[test]
    fn lines_are_as_usual() {
        for colour in [false, true] {
            let (usual, own) = (Lines::default(), Lines::default());
            let lines = |lines: &Lines| {
                let layer = tracing_subscriber::fmt::layer().without_time().with_ansi(colour);
                layer.with_writer(lines.clone())
            };
            let subscriber = registry().with(lines(&usual));
            tracing::subscriber::with_default(subscriber, log_everything);
            let subscriber = registry().with(lines(&own).fmt_fields(Fields::default()));
            tracing::subscriber::with_default(subscriber, log_everything);
            let text = |lines: Lines| String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
            let (usual, own) = (text(usual), text(own));
            assert!(usual.contains("http.path=\"/plain\"") || colour, "{usual}");
            assert_eq!(own, usual);
        }
    }
}
