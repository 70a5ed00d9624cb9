//! A caller on a D-Bus connection: many questions at once, one deadline for all the answers.
//!
//! The wire format is zbus's. The connection is our own blocking one, because asking forty units has to take
//! milliseconds in a program that lives for sixty of them, and because a service manager that accepts and then
//! says nothing must not hold us.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};
use zbus::wire::serialized::{Context, Data};
use zbus::wire::{BE, Endian, LE, to_bytes};
use zbus::{ObjectPath, OwnedVariant, Signature, Type, Variant};

use crate::HostError;

/// Only root may speak there; no bus daemon in between.
const PRIVATE: &str = "/run/systemd/private";
const SYSTEM_BUS: &str = "/run/dbus/system_bus_socket";
const SERVICE: &str = "org.freedesktop.systemd1";

/// Far above what the service manager answers; below what would be a mistake.
const LARGEST_MESSAGE: usize = 16 << 20;
/// The first part of a header, which tells the length of the rest.
const FIXED: usize = 16;

const METHOD_CALL: u8 = 1;
const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;

/// Header fields by number.
mod field {
    pub const PATH: u8 = 1;
    pub const INTERFACE: u8 = 2;
    pub const MEMBER: u8 = 3;
    pub const ERROR_NAME: u8 = 4;
    pub const REPLY_SERIAL: u8 = 5;
    pub const DESTINATION: u8 = 6;
    pub const SIGNATURE: u8 = 8;
}

type Header<'a> = (u8, u8, u8, u8, u32, u32, Vec<(u8, Value<'a>)>);

/// What stands in a field of a header that we send.
enum Value<'a> {
    Plain(Variant<'a>),
    Signature(OfBody),
}

/// The signature of a body. A value of its own, because zbus writes that of two arguments as the structure `(ss)`,
/// and the service manager then finds one argument of the wrong kind.
struct OfBody(&'static str);

impl Type for Value<'_> {
    const SIGNATURE: &'static Signature = &Signature::Variant;
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(value) => value.serialize(serializer),
            Self::Signature(signature) => zbus::as_variant::serialize(signature, serializer),
        }
    }
}

impl Type for OfBody {
    const SIGNATURE: &'static Signature = &Signature::Signature;
}

impl Serialize for OfBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

/// A connection to the service manager.
pub(crate) struct Bus {
    stream: UnixStream,
    deadline: Instant,
    serial: u32,
}

/// A question: one method of one object.
pub(crate) struct Call<'a> {
    pub path: &'a str,
    pub interface: &'a str,
    pub member: &'a str,
    pub arguments: Arguments<'a>,
}

/// The few shapes of arguments that are needed.
pub(crate) enum Arguments<'a> {
    None,
    One(&'a str),
    Two(&'a str, &'a str),
    List(&'a [&'a str]),
}

/// An answer's body, or the name and text of an error.
pub(crate) type Answer = Result<Data<'static, 'static>, String>;

impl Bus {
    /// Connects to the service manager: directly as root, over the system bus as anybody else.
    pub fn connect(limit: Duration) -> Result<Self, HostError> {
        if rustix::process::geteuid().is_root() && Path::new(PRIVATE).exists() {
            return Self::open(Path::new(PRIVATE), limit);
        }
        let mut bus = Self::open(Path::new(SYSTEM_BUS), limit)?;
        let hello = Call {
            path: "/org/freedesktop/DBus",
            interface: "org.freedesktop.DBus",
            member: "Hello",
            arguments: Arguments::None,
        };
        bus.ask_of("org.freedesktop.DBus", &[hello])?;
        Ok(bus)
    }

    fn open(path: &Path, limit: Duration) -> Result<Self, HostError> {
        let stream =
            UnixStream::connect(path).map_err(|error| problem(format!("{}: {error}", path.display())))?;
        let mut bus = Self {
            stream,
            deadline: Instant::now() + limit,
            serial: 0,
        };
        let uid = rustix::process::geteuid().as_raw().to_string();
        let uid: String = uid.bytes().map(|byte| format!("{byte:02x}")).collect();
        bus.write(format!("\0AUTH EXTERNAL {uid}\r\n").as_bytes())?;
        let line = bus.line()?;
        if !line.starts_with("OK ") {
            return Err(problem(format!("it does not let us in: {line}")));
        }
        bus.write(b"BEGIN\r\n")?;
        Ok(bus)
    }

    /// Puts all the questions at once and returns the answers in their order.
    pub fn ask(&mut self, calls: &[Call<'_>]) -> Result<Vec<Answer>, HostError> {
        self.ask_of(SERVICE, calls)
    }

    fn ask_of(&mut self, destination: &str, calls: &[Call<'_>]) -> Result<Vec<Answer>, HostError> {
        let first = self.serial + 1;
        let mut answers: Vec<Option<Answer>> = calls.iter().map(|_| None).collect();
        let mut missing = calls.len();
        // In groups, so that neither side's buffer fills while the other waits for it to be read.
        for group in calls.chunks(64) {
            let mut bytes = Vec::new();
            for call in group {
                self.serial += 1;
                bytes.extend(encode(self.serial, destination, call).map_err(malformed)?);
            }
            self.write(&bytes)?;
            let wanted = missing - group.len();
            while missing > wanted {
                let Some((serial, answer)) = self.receive()? else {
                    continue;
                };
                let slot = serial
                    .checked_sub(first)
                    .and_then(|index| answers.get_mut(index as usize));
                if let Some(slot @ None) = slot {
                    *slot = Some(answer);
                    missing -= 1;
                }
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// The next message; `None` when it is nobody's answer, such as a signal.
    fn receive(&mut self) -> Result<Option<(u32, Answer)>, HostError> {
        let mut message = vec![0; FIXED];
        self.read(&mut message)?;
        let endian = match message[0] {
            b'l' => LE,
            b'B' => BE,
            _ => return Err(problem("it does not speak D-Bus".to_owned())),
        };
        let word = |at: usize| number(endian, &message[at..at + 4]) as usize;
        let header = (FIXED + word(12)).next_multiple_of(8);
        let length = header.saturating_add(word(4));
        if length > LARGEST_MESSAGE {
            return Err(problem(format!("its answer has {length} bytes")));
        }
        message.resize(length, 0);
        self.read(&mut message[FIXED..])?;
        decode(message, header, endian).map_err(malformed)
    }

    fn line(&mut self) -> Result<String, HostError> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            if line.len() > 1024 {
                return Err(problem("it does not speak D-Bus".to_owned()));
            }
            let mut byte = [0];
            self.read(&mut byte)?;
            line.extend(byte);
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    fn read(&mut self, mut into: &mut [u8]) -> Result<(), HostError> {
        while !into.is_empty() {
            self.stream
                .set_read_timeout(Some(self.left()?))
                .map_err(|error| problem(error.to_string()))?;
            match self.stream.read(into) {
                Ok(0) => return Err(problem("it closed the connection".to_owned())),
                Ok(length) => into = &mut into[length..],
                Err(error) if interrupted(&error) => {}
                Err(error) => return Err(problem(error.to_string())),
            }
        }
        Ok(())
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), HostError> {
        while !bytes.is_empty() {
            self.stream
                .set_write_timeout(Some(self.left()?))
                .map_err(|error| problem(error.to_string()))?;
            match self.stream.write(bytes) {
                Ok(length) => bytes = &bytes[length..],
                Err(error) if interrupted(&error) => {}
                Err(error) => return Err(problem(error.to_string())),
            }
        }
        Ok(())
    }

    fn left(&self) -> Result<Duration, HostError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(problem("it did not answer in time".to_owned()));
        }
        // The kernel counts in ticks and takes less than one for "for ever".
        Ok(left.max(Duration::from_millis(10)))
    }
}

/// Time that is up comes back as WouldBlock; `left` then says so in words.
fn interrupted(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::Interrupted | std::io::ErrorKind::WouldBlock
    )
}

fn problem(problem: String) -> HostError {
    HostError::Bus { problem }
}

fn malformed(error: zbus::Error) -> HostError {
    problem(format!("a message is malformed: {error}"))
}

fn number(endian: Endian, bytes: &[u8]) -> u32 {
    let bytes: [u8; 4] = bytes.try_into().unwrap_or_default();
    match endian {
        Endian::Little => u32::from_le_bytes(bytes),
        Endian::Big => u32::from_be_bytes(bytes),
    }
}

fn encode(serial: u32, destination: &str, call: &Call<'_>) -> Result<Vec<u8>, zbus::Error> {
    let at_body = Context::new(LE, 0);
    // At an offset of eight a tuple has the bytes of its members one after the other.
    let (body, signature) = match &call.arguments {
        Arguments::None => (Vec::new(), ""),
        Arguments::One(word) => (to_bytes(at_body, word)?.to_vec(), "s"),
        Arguments::Two(one, two) => (to_bytes(at_body, &(one, two))?.to_vec(), "ss"),
        Arguments::List(words) => (to_bytes(at_body, words)?.to_vec(), "as"),
    };
    let mut fields = vec![
        (
            field::PATH,
            Value::Plain(Variant::ObjectPath(ObjectPath::try_from(call.path)?)),
        ),
        (field::INTERFACE, Value::Plain(Variant::from(call.interface))),
        (field::MEMBER, Value::Plain(Variant::from(call.member))),
        (field::DESTINATION, Value::Plain(Variant::from(destination))),
    ];
    if !signature.is_empty() {
        fields.push((field::SIGNATURE, Value::Signature(OfBody(signature))));
    }
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let header: Header<'_> = (b'l', METHOD_CALL, 0, 1, length, serial, fields);
    let mut message = to_bytes(Context::new(LE, 0), &header)?.to_vec();
    message.resize(message.len().next_multiple_of(8), 0);
    message.extend(body);
    Ok(message)
}

fn decode(message: Vec<u8>, header: usize, endian: Endian) -> Result<Option<(u32, Answer)>, zbus::Error> {
    let context = Context::new(endian, 0);
    let data = Data::new(message, context);
    let ((_, kind, _, _, _, _, fields), _) =
        data.deserialize::<(u8, u8, u8, u8, u32, u32, Vec<(u8, OwnedVariant)>)>()?;
    let mut serial = None;
    let mut error_name = String::new();
    for (number, value) in fields {
        match number {
            field::REPLY_SERIAL => serial = u32::try_from(value).ok(),
            field::ERROR_NAME => error_name = String::try_from(value).unwrap_or_default(),
            _ => {}
        }
    }
    let Some(serial) = serial else { return Ok(None) };
    let body = Data::new(data.bytes()[header..].to_vec(), context);
    Ok(match kind {
        METHOD_RETURN => Some((serial, Ok(body))),
        ERROR => {
            let text = body
                .deserialize::<String>()
                .map(|(text, _)| text)
                .unwrap_or_default();
            Some((serial, Err(format!("{error_name}: {text}"))))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_manager_that_says_nothing_is_given_up() {
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("private");
        let _listener = UnixListener::bind(&socket).expect("a socket");
        let before = Instant::now();
        let Err(error) = Bus::open(&socket, Duration::from_millis(200)) else {
            panic!("nobody answers there");
        };
        assert_eq!(
            error.to_string(),
            "cannot ask the service manager: it did not answer in time"
        );
        assert!(before.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn a_property_is_a_variant_in_a_variant() {
        let context = Context::new(LE, 0);
        let body = to_bytes(context, &Variant::from("success")).expect("a body");
        let read = body.deserialize::<Variant<'_>>().expect("a variant").0;
        assert_eq!(read, Variant::from("success"));
    }

    #[test]
    fn a_call_reads_back() {
        let call = Call {
            path: "/org/x",
            interface: "a.b",
            member: "C",
            arguments: Arguments::List(&["one", "two"]),
        };
        let message = encode(7, "d.e", &call).expect("a message");
        let header = (FIXED + number(LE, &message[12..16]) as usize).next_multiple_of(8);
        assert_eq!(message.len(), header + number(LE, &message[4..8]) as usize);
        let body = Data::new(message[header..].to_vec(), Context::new(LE, 0));
        assert_eq!(
            body.deserialize::<Vec<String>>().expect("a list").0,
            ["one", "two"]
        );
        assert!(
            decode(message, header, LE).expect("a header").is_none(),
            "a call answers nothing"
        );
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 16..120)) {
            let _ = decode(bytes, 16, LE);
        }
    }
}
