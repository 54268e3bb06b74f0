"""Section 6 of SPEC.md: mutual TLS with self-made certificates, over grpcio.

grpcio wants to know beforehand whom it trusts, and the certificate of a node is nobody's. So a first handshake with the
standard library fetches it, section 6.1 is checked on it, and the channel then trusts this one certificate alone: whoever
answers there proves that it holds its key. The name in it means nothing, and is told to grpcio as the one to expect.
"""

import datetime
import socket
import ssl
import tempfile

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from party import now_ms
from strict import Refused, check_signature

OID = x509.ObjectIdentifier("2.25.4781733286617540151")
LIFE_MS, LIFE_MS_MAX = 86_400_000, 604_800_000
MESSAGE_BYTES_MAX = 4_194_304
PATIENCE = 20  # seconds for a handshake or an answer


def spki(public):
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def bound(party, not_after, public):
    return b"caphub/tls/1\0" + party + not_after.to_bytes(8, "big") + spki(public)


def make_certificate(party, operator):
    """(key, certificate), both PEM: a key for TLS alone, bound to the operator key by the extension."""
    key, not_after = ec.generate_private_key(ec.SECP256R1()), now_ms() + LIFE_MS
    signature = operator.sign(bound(party, not_after, key.public_key()))
    value = party + operator.public + not_after.to_bytes(8, "big") + signature
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "interop")])
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.timezone.utc)
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
    built = built.add_extension(x509.UnrecognizedExtension(OID, value), critical=False).sign(key, hashes.SHA256())
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain), built.public_bytes(encoding)


def check_certificate(certificate):
    """(party, operator key) that the far end proves to be; ValueError where section 6.1 does not hold."""
    found = [e for e in certificate.extensions if e.oid == OID]
    if len(found) != 1 or len(found[0].value.value) != 136:
        raise ValueError("no identity in the certificate")
    value = found[0].value.value
    party, operator, not_after = value[:32], value[32:64], int.from_bytes(value[64:72], "big")
    try:
        check_signature(operator, bound(party, not_after, certificate.public_key()), value[72:])
    except Refused as refused:
        raise ValueError(f"the certificate is not bound to its identity: {refused}") from None
    if not now_ms() <= not_after <= now_ms() + LIFE_MS_MAX:
        raise ValueError("the certificate has ended or lives too long")
    return party, operator


def fetch_certificate(address, own):
    """The certificate of whoever answers there; nothing is trusted yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(own))
        file.flush()
        context.load_cert_chain(file.name)
    host, _, port = address.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), PATIENCE) as plain, context.wrap_socket(plain) as far:
        if far.selected_alpn_protocol() != "h2":
            raise ValueError("the far end does not speak HTTP/2")
        return x509.load_der_x509_certificate(far.getpeercert(True))


def name_in(certificate):
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.DNSName)[0]
    except (x509.ExtensionNotFound, IndexError):
        return certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value


def dial(address, party, operator, hub):
    """A channel to this hub, and the node key that it proved to hold."""
    own = make_certificate(party, operator)
    certificate = fetch_certificate(address, own)
    far, node = check_certificate(certificate)
    if far != hub:
        raise ValueError("another party answers at this address")
    credentials = grpc.ssl_channel_credentials(certificate.public_bytes(serialization.Encoding.PEM), *own)
    options = [
        ("grpc.ssl_target_name_override", name_in(certificate)),
        ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
        ("grpc.enable_http_proxy", 0),
    ]
    return grpc.secure_channel(address, credentials, options), node
