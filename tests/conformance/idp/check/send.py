"""Sends one mail, as the JSON on its standard input says."""

import json
import smtplib
import ssl
import sys
from email.message import EmailMessage

wanted = json.load(sys.stdin)
mail = EmailMessage()
mail["From"], mail["To"], mail["Subject"] = "gate@example.org", wanted["to"], "Grüezi"
mail.set_content("Open it: http://127.0.0.1/text?token=a\n")
mail.add_alternative('<p><a href="http://127.0.0.1/html?token=a&amp;b=c">Open it</a></p>', subtype="html")
context = ssl.create_default_context(cadata=wanted["certificate"]) if wanted.get("certificate") else None
server = ("127.0.0.1", wanted["port"])
with smtplib.SMTP_SSL(*server, context=context) if wanted.get("tls") else smtplib.SMTP(*server) as client:
    if context and not wanted.get("tls"):
        client.starttls(context=context)
    if wanted.get("user"):
        client.login(wanted["user"], wanted["password"])
    client.send_message(mail)
