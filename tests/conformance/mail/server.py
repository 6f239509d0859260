"""A mail server on the loopback interface that delivers to whoever started it.

    server.py [--starttls | --require-starttls | --tls] [--user NAME --password PASSWORD] [--refuse ADDRESS]...

It prints one JSON object a line: first {"port": ..., "certificate": <PEM or null>}, then one for each mail it was given,
as `describe` writes it. It ends with its standard input. A mail to an address given with --refuse is turned away (550), and
one to an address that begins with "later" is put off (451).
"""

import argparse
import asyncio
import datetime
import ipaddress
import json
import logging
import re
import ssl
import sys
import tempfile
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def tell(event: dict) -> None:
    print(json.dumps(event), flush=True)


class Links(HTMLParser):
    """The addresses that links of a page lead to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def part(message: EmailMessage, kind: str) -> str | None:
    found = message.get_body(preferencelist=(kind,))
    return found.get_content() if found else None


def describe(session: Session, envelope: Envelope, *, tls: bool) -> dict:
    """What a test wants to know of a mail. Headers keep their order and may come twice."""
    raw = envelope.original_content
    message = message_from_bytes(raw, policy=policy.default)
    text, html = part(message, "plain"), part(message, "html")
    text_links = re.findall(r"https?://[^\s<>\"]+", text or "")
    html_links = Links(html).found if html else []
    return {
        "from": envelope.mail_from,
        "to": envelope.rcpt_tos,
        "header_from": str(message["from"]),
        "header_to": str(message["to"]),
        "subject": str(message["subject"]),
        "text": text,
        "html": html,
        "links": list(dict.fromkeys(text_links + html_links)),
        "text_links": list(dict.fromkeys(text_links)),
        "html_links": list(dict.fromkeys(html_links)),
        "headers": [[name, str(value)] for name, value in message.items()],
        "attachments": [attached.get_filename() for attached in message.iter_attachments()],
        "defects": [repr(defect) for each in message.walk() for defect in each.defects],
        "longest_line": max(len(line) for line in raw.split(b"\r\n")),
        "encrypted": tls or session.ssl is not None,
        "user": session.auth_data.login.decode() if session.authenticated else None,
    }


class Handler:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.refused = {address.lower() for address in arguments.refuse}
        self.tls = arguments.tls

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address.lower() in self.refused:
            return "550 5.1.1 nobody of that name"
        if address.lower().startswith("later"):
            return "451 4.7.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        tell(describe(session, envelope, tls=self.tls))
        return "250 OK"


def make_certificate() -> tuple[ssl.SSLContext, str]:
    """A certificate for 127.0.0.1 and localhost that signs itself, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The mail server of tests")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(pem + secret)
        file.flush()
        context.load_cert_chain(file.name)
    return context, pem.decode()


async def main(arguments: argparse.Namespace) -> None:
    upgrades = arguments.starttls or arguments.require_starttls
    context, pem = make_certificate() if upgrades or arguments.tls else (None, None)

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        is_right = given == (arguments.user, arguments.password)
        return AuthResult(success=is_right, handled=False, auth_data=data)

    def connection() -> SMTP:
        return SMTP(
            Handler(arguments),
            enable_SMTPUTF8=True,
            hostname="localhost",
            tls_context=context if upgrades else None,
            require_starttls=arguments.require_starttls,
            auth_required=arguments.user is not None,
            auth_require_tls=upgrades,
            authenticator=authenticate if arguments.user is not None else None,
        )

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0, ssl=context if arguments.tls else None)
    tell({"port": server.sockets[0].getsockname()[1], "certificate": pem})
    await asyncio.to_thread(sys.stdin.read)
    server.close()


# The library remarks on itself.
logging.getLogger("mail.log").setLevel(logging.ERROR)
parser = argparse.ArgumentParser()
parser.add_argument("--starttls", action="store_true")
parser.add_argument("--require-starttls", action="store_true")
parser.add_argument("--tls", action="store_true")
parser.add_argument("--user")
parser.add_argument("--password")
parser.add_argument("--refuse", action="append", default=[])
asyncio.run(main(parser.parse_args()))
