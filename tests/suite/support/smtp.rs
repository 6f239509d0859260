//! A mail server, as small as the wire format of RFC 5321 allows: takes every mail, but those to whom it is told
//! to refuse.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A mail as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    pub data: String,
}

impl Received {
    /// The value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = self.data.split("\r\n\r\n").next().unwrap_or_default();
        head.split("\r\n").find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }
}

/// A running mail server.
#[derive(Clone)]
pub struct SmtpServer {
    pub port: u16,
    received: Arc<Mutex<Vec<Received>>>,
    refuses: Arc<Mutex<Option<String>>>,
    refused: Arc<Mutex<usize>>,
}

impl SmtpServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let server = Self {
            port: listener.local_addr().expect("an address").port(),
            received: Arc::default(),
            refuses: Arc::default(),
            refused: Arc::default(),
        };
        let shared = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                tokio::spawn(async move { shared.serve(stream).await });
            }
        });
        server
    }

    /// The lines of `belgie.toml` that send mail here.
    pub fn config(&self) -> String {
        format!(
            "[mail]\ntransport = \"smtp\"\nfrom = \"Belgie <belgie@host.example>\"\nsmtp_host = \"127.0.0.1\"\n\
             smtp_port = {}\nsmtp_security = \"danger_plain\"",
            self.port
        )
    }

    /// Takes no mail to this address, for the time being.
    pub fn refuse(&self, email: Option<&str>) {
        *self.refuses.lock().expect("no panic") = email.map(|email| format!("<{email}>"));
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic").clone()
    }

    /// How many mails were refused.
    pub fn refused(&self) -> usize {
        *self.refused.lock().expect("no panic")
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut mail = Received::default();
        write.write_all(b"220 suite ESMTP\r\n").await.ok()?;
        while let Some(line) = lines.next_line().await.ok()? {
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let argument = line.split_once(':').map_or("", |(_, rest)| rest).trim().to_owned();
            let reply = match verb.as_str() {
                "EHLO" => "250-suite\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
                "MAIL" => {
                    mail = Received { from: argument, ..Received::default() };
                    "250 fine\r\n"
                }
                "RCPT" if self.refuses.lock().expect("no panic").as_ref() == Some(&argument) => {
                    *self.refused.lock().expect("no panic") += 1;
                    "451 not now\r\n"
                }
                "RCPT" => {
                    mail.to.push(argument);
                    "250 fine\r\n"
                }
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await.ok()?;
                    while let Some(line) = lines.next_line().await.ok()?.filter(|line| line != ".") {
                        mail.data.push_str(line.strip_prefix('.').unwrap_or(&line));
                        mail.data.push_str("\r\n");
                    }
                    self.received.lock().expect("no panic").push(std::mem::take(&mut mail));
                    "250 taken\r\n"
                }
                "QUIT" => {
                    write.write_all(b"221 bye\r\n").await.ok()?;
                    return None;
                }
                "RSET" | "NOOP" | "HELO" => "250 fine\r\n",
                _ => "502 unknown\r\n",
            };
            write.write_all(reply.as_bytes()).await.ok()?;
        }
        None
    }
}
