//! A small HTTP/1.1 client for what is not load: opening sessions, checking answers, counting instructions.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};

/// Longer than any answer takes, even under an instrumenting emulator.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection, used again and again.
pub struct Connection {
    host: SocketAddr,
    stream: BufReader<TcpStream>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, all of it.
    pub body: String,
    headers: Vec<(String, String)>,
}

impl Answer {
    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// A header that may come more than once.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Connection {
    /// Connects.
    pub fn open(host: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { host, stream: BufReader::new(stream) })
    }

    /// Fetches a page.
    pub fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.get_with(path, &[])
    }

    /// Fetches a page with more headers.
    pub fn get_with(&mut self, path: &str, headers: &[(&str, String)]) -> anyhow::Result<Answer> {
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n")?;
        }
        self.ask(request + "\r\n")
    }

    /// Sends a body.
    pub fn post(&mut self, path: &str, headers: &[(&str, String)], body: &str) -> anyhow::Result<Answer> {
        let mut request = format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n", self.host, body.len());
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n")?;
        }
        self.ask(request + "\r\n" + body)
    }

    fn ask(&mut self, request: String) -> anyhow::Result<Answer> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.with_context(|| format!("this is no status line: {status_line:?}"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, body: String::new(), headers };
        let body = match (answer.header("transfer-encoding"), answer.header("content-length")) {
            (Some(_), _) => self.chunks()?,
            (None, Some(length)) => self.bytes(length.parse()?)?,
            (None, None) if status == 202 || status == 204 => Vec::new(),
            (None, None) => bail!("the length of an answer with status {status} is unknown"),
        };
        answer.body = String::from_utf8(body)?;
        Ok(answer)
    }

    fn chunks(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = usize::from_str_radix(&self.line()?, 16)?;
            body.append(&mut self.bytes(size)?);
            self.line()?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn bytes(&mut self, length: usize) -> anyhow::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            bail!("the connection was closed");
        }
        Ok(line.trim_end().to_owned())
    }
}
