//! What has to be known of a message before rmcp reads it, borrowed from the body as far as possible.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use rmcp::model::{ClientCapabilities, ErrorData, ProtocolVersion, RequestId};
use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Which lifecycle a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    /// Before 2026-07-28: `initialize`, then a session.
    Legacy,
    /// From 2026-07-28 on: every request stands for itself.
    Modern,
}

/// What kind of JSON-RPC message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Request,
    Notification,
    Response,
}

/// One JSON-RPC message.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub(crate) shape: Shape,
    pub(crate) id: Option<&'a RawValue>,
    pub(crate) method: Cow<'a, str>,
    pub(crate) params: Params<'a>,
    pub(crate) meta: Meta<'a>,
    /// Whether the parameters have another type than anything we know: rmcp will not take them either.
    pub(crate) is_odd: bool,
}

/// The parameters that matter before the gate, whatever the method.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) uri: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) task_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) arguments: Option<&'a RawValue>,
    /// What a completion is for.
    #[serde(borrow, rename = "ref")]
    pub(crate) reference: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) cursor: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) input_responses: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) request_state: Option<&'a RawValue>,
    /// How versions before 2026-07-28 ask for a task.
    #[serde(borrow)]
    pub(crate) task: Option<&'a RawValue>,
    /// Which request `notifications/cancelled` speaks of.
    #[serde(borrow)]
    pub(crate) request_id: Option<&'a RawValue>,
    #[serde(borrow, rename = "_meta")]
    pub(crate) meta: Option<&'a RawValue>,
}

/// What a completion names: a prompt, or the URI of a resource.
#[derive(Debug, Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    uri: Option<Text<'a>>,
}

/// The `_meta` keys that matter before the gate.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Meta<'a> {
    #[serde(borrow, rename = "io.modelcontextprotocol/protocolVersion")]
    version: Option<&'a RawValue>,
    #[serde(borrow, rename = "io.modelcontextprotocol/clientCapabilities")]
    capabilities: Option<&'a RawValue>,
    #[serde(borrow, rename = "progressToken")]
    pub(crate) progress_token: Option<&'a RawValue>,
    #[serde(borrow, rename = "io.modelcontextprotocol/logLevel")]
    pub(crate) log_level: Option<&'a RawValue>,
}

/// A text that is borrowed unless it has escapes.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

#[derive(Deserialize)]
struct Envelope<'a, P> {
    #[serde(borrow)]
    jsonrpc: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present_raw")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Text<'a>>,
    params: Option<P>,
    #[serde(default)]
    result: Present,
    #[serde(default)]
    error: Present,
}

/// Whether a key is there, even with `null` behind it.
#[derive(Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

/// A value that counts as present even when it is `null`.
fn present_raw<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// A type that is read from a JSON object only; serde's own derive takes arrays, too, by position.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

impl<'a> Message<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// JSON-RPC 2.0 section 5.1: -32700 for what is not JSON; -32600 for a batch and anything else that is no message.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, ErrorData> {
        if let Ok(Object(envelope)) = serde_json::from_slice::<Object<Envelope<'a, Object<Params<'a>>>>>(body) {
            let Envelope { jsonrpc, id, method, params, result, error } = envelope;
            let params = params.map(|Object(params)| params);
            return Self::build(Envelope { jsonrpc, id, method, params, result, error }, false);
        }
        // Parameters of unheard-of types are no reason to refuse a message here: the method says what becomes of it.
        match serde_json::from_slice::<Object<Envelope<'a, &'a RawValue>>>(body) {
            Ok(Object(Envelope { jsonrpc, id, method, result, error, .. })) => {
                Self::build(Envelope { jsonrpc, id, method, params: None, result, error }, true)
            }
            Err(_) => Err(explain(body)),
        }
    }

    fn build(envelope: Envelope<'a, Params<'a>>, is_odd: bool) -> Result<Self, ErrorData> {
        let Envelope { jsonrpc, id, method, params, result: Present(result), error: Present(error) } = envelope;
        if jsonrpc.is_none_or(|Text(version)| version != "2.0") {
            return Err(ErrorData::invalid_request("Invalid Request: `jsonrpc` must be \"2.0\"", None));
        }
        let shape = match (method.is_some(), id.is_some(), result, error) {
            (true, true, false, false) => Shape::Request,
            (true, false, false, false) => Shape::Notification,
            (false, _, true, false) | (false, _, false, true) => Shape::Response,
            _ => {
                let what = "Invalid Request: neither a request nor a notification nor a response";
                return Err(ErrorData::invalid_request(what, None));
            }
        };
        if shape == Shape::Request && !id.is_some_and(is_id) {
            return Err(ErrorData::invalid_request("Invalid Request: `id` must be a string or an integer", None));
        }
        let params = params.unwrap_or_default();
        let meta = params.meta.map(|meta| serde_json::from_str::<Object<Meta<'a>>>(meta.get()));
        let is_odd = is_odd || matches!(meta, Some(Err(_)));
        let meta = meta.and_then(Result::ok).map(|Object(meta)| meta).unwrap_or_default();
        let method = method.map(|Text(method)| method).unwrap_or_default();
        Ok(Self { shape, id, method, params, meta, is_odd })
    }

    /// Which lifecycle rmcp will see in this message. `header`: the value of `MCP-Protocol-Version`.
    pub(crate) fn era(&self, header: Option<&str>) -> Era {
        if self.shape == Shape::Request {
            if self.method == "initialize" {
                return Era::Legacy;
            }
            if self.meta.is_complete() {
                return Era::Modern;
            }
        }
        let version = self.meta.version().filter(|_| self.shape == Shape::Request);
        let version = version.as_deref().or(header).unwrap_or(ProtocolVersion::V_2025_03_26.as_str());
        era_of(version)
    }

    /// Which request of its session a notification cancels.
    pub(crate) fn cancelled(&self) -> Option<RequestId> {
        let is_cancellation = self.shape == Shape::Notification && self.method == "notifications/cancelled";
        serde_json::from_str(self.params.request_id.filter(|_| is_cancellation)?.get()).ok()
    }

    /// What `Mcp-Name` has to repeat: the name, URI or task id, for the methods that have one (MCP 2026-07-28,
    /// transports, standard request headers).
    pub(crate) fn named(&self) -> Option<&str> {
        let text = match self.method.as_ref() {
            "tools/call" | "prompts/get" => &self.params.name,
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => &self.params.uri,
            "tasks/get" | "tasks/update" | "tasks/cancel" => &self.params.task_id,
            _ => return None,
        };
        text.as_ref().map(|Text(text)| text.as_ref())
    }

    /// The tool, prompt, resource or task that a request is about, whatever the method; empty when it is about none.
    pub(crate) fn meant(&self) -> Cow<'_, str> {
        let Params { name, uri, reference, .. } = &self.params;
        if let Some(named) = self.named() {
            return Cow::Borrowed(named);
        }
        let reference = reference.filter(|_| self.method == "completion/complete");
        let referred = reference.and_then(|raw| serde_json::from_str::<Object<Named<'_>>>(raw.get()).ok());
        let referred = referred.and_then(|Object(Named { name, uri })| name.or(uri)).map(|Text(text)| text);
        let own = || name.as_ref().or(uri.as_ref()).map(|Text(text)| Cow::Borrowed(text.as_ref()));
        referred.or_else(own).unwrap_or_default()
    }
}

impl Meta<'_> {
    /// The protocol version the request names.
    pub(crate) fn version(&self) -> Option<Cow<'_, str>> {
        serde_json::from_str::<Text<'_>>(self.version?.get()).ok().map(|Text(text)| text)
    }

    /// Whether everything is there that every request has to carry (MCP 2026-07-28, basic, `_meta`).
    pub(crate) fn is_complete(&self) -> bool {
        self.version().is_some() && self.capabilities.is_some_and(is_capabilities)
    }

    /// Whether nothing is there that only the newer lifecycle knows.
    pub(crate) fn is_bare(&self) -> bool {
        self.version.is_none() && self.capabilities.is_none()
    }

    /// Whether the client says that it knows the tasks extension.
    pub(crate) fn declares_tasks(&self) -> bool {
        let capabilities = self.capabilities.and_then(|value| serde_json::from_str(value.get()).ok());
        capabilities.as_ref().is_some_and(ClientCapabilities::supports_tasks)
    }
}

/// The lifecycle of a protocol version. Versions are dates, so they sort as texts.
pub(crate) fn era_of(version: &str) -> Era {
    if version < ProtocolVersion::NO_INITIALIZE.as_str() { Era::Legacy } else { Era::Modern }
}

/// Whether we speak this protocol version.
pub(crate) fn is_known(version: &str) -> bool {
    ProtocolVersion::KNOWN_VERSIONS.iter().any(|known| known.as_str() == version)
}

fn is_capabilities(value: &RawValue) -> bool {
    value.get() == "{}" || serde_json::from_str::<ClientCapabilities>(value.get()).is_ok()
}

fn is_id(value: &RawValue) -> bool {
    value.get().starts_with('"') || serde_json::from_str::<RequestId>(value.get()).is_ok()
}

fn explain(body: &[u8]) -> ErrorData {
    // RFC 8259 section 8.1: JSON is UTF-8, also in what nobody looks at.
    let text = std::str::from_utf8(body).ok();
    match text.map(serde_json::from_str::<IgnoredAny>) {
        None | Some(Err(_)) => ErrorData::parse_error("Parse error: the body is not JSON", None),
        Some(Ok(IgnoredAny)) if body.trim_ascii_start().first() == Some(&b'[') => {
            ErrorData::invalid_request("Invalid Request: batches are not supported", None)
        }
        Some(Ok(IgnoredAny)) => ErrorData::invalid_request("Invalid Request: this is not a JSON-RPC message", None),
    }
}
