//! Reading an event stream until the message that was asked for has come (HTML standard, section 9.2.6).

/// The messages of an event stream that has arrived in part.
#[derive(Debug, Default)]
pub struct Events {
    /// What has come and does not make up an event yet, without carriage returns.
    pending: Vec<u8>,
}

impl Events {
    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend(bytes.iter().filter(|byte| **byte != b'\r'));
    }

    /// The data of the next whole event. Comments and events without data, such as the one that opens a stream, are
    /// passed over.
    pub fn next_data(&mut self) -> Option<String> {
        loop {
            let end = self.pending.windows(2).position(|pair| pair == b"\n\n")?;
            let event: Vec<u8> = self.pending.drain(..end + 2).collect();
            let event = String::from_utf8_lossy(&event);
            let lines: Vec<&str> = event
                .lines()
                .filter_map(|line| line.strip_prefix("data:"))
                .map(|data| data.strip_prefix(' ').unwrap_or(data))
                .collect();
            let data = lines.join("\n");
            if !data.is_empty() {
                return Some(data);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Events;

    #[test]
    fn events_may_arrive_in_any_pieces() {
        let stream = ": hello\r\n\r\nid: 0\nretry: 3000\ndata:\n\nevent: message\r\ndata: {\"a\":\r\ndata: \"é\"}\r\n\r\ndata: rest";
        let mut events = Events::default();
        let mut found = Vec::new();
        for byte in stream.as_bytes() {
            events.push(&[*byte]);
            found.extend(events.next_data());
        }
        assert_eq!(found, ["{\"a\":\n\"é\"}"]);
    }
}
