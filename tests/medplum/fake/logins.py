"""Who is asking: clients, tokens, and what a bearer leads to."""

import base64
import json
import uuid

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

from .access import Access
from .outcome import Outcome, bad_request, dumps

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
AUTHENTICATION_ERROR = "Authentication error"


class TokenError(Exception):
    """What the token endpoint refuses."""

    def __init__(self, error, description):
        super().__init__(description)
        self.body = {"error": error, "error_description": description}


class Login:
    def __init__(self, client, membership, expires, scope="openid"):
        self.id = str(uuid.uuid4())
        self.client = client  # The id of the ClientApplication.
        self.membership = membership  # `ProjectMembership/id`.
        self.expires = expires  # Unix time, by the server's clock.
        self.scope = scope
        self.revoked = False


class Caller:
    """An authenticated request."""

    def __init__(self, login, access):
        self.login = login
        self.access = access
        self.membership = access.membership
        self.project = access.project["id"]
        self.profile = self.membership["profile"]["reference"]


class Logins:
    def __init__(self, world, settings):
        self.world = world
        self.settings = settings
        self.by_token = {}
        self.public_keys = {}  # client id -> [(kid, public key)]
        self.signing_keys = {}  # kid -> private key; the last one signs
        self.rotate_keys()

    def now(self):
        return self.world.now_ms() / 1000

    # POST /oauth2/token

    def issue(self, form, basic, token_url):
        if form.get("grant_type") != "client_credentials":
            raise TokenError("invalid_request", "Unsupported grant_type")
        if form.get("client_assertion_type") == ASSERTION:
            client = self._by_assertion(form.get("client_assertion", ""),
                                        token_url)
        else:
            id_, secret = basic or (form.get("client_id"),
                                    form.get("client_secret"))
            client = self._client(id_)
            if not secret or secret not in (client.get("secret"),
                                            client.get("retiringSecret")):
                raise TokenError("invalid_request", "Invalid secret")
        membership = self.membership_of(f"ClientApplication/{client['id']}")
        if membership is None:
            raise TokenError("invalid_request", "Invalid client")
        if not self.settings.tokens_for_gone_projects and \
                self.world.living(membership["project"]["reference"]) is None:
            raise TokenError("invalid_request", "Invalid project")
        login = Login(client["id"], f"ProjectMembership/{membership['id']}",
                      self.now() + self.settings.token_seconds)
        return {
            "token_type": "Bearer",
            "access_token": self.add(login, {}),
            "expires_in": self.settings.token_seconds,
            "project": membership["project"],
            "profile": membership["profile"],
            "scope": "openid",
        }

    def add(self, login, claims):
        """Returns a token by which the login is known."""
        issuer = self.settings.base_url
        membership = self.world.living(login.membership) or {}
        now = int(self.now())
        claims = {"iss": issuer, "aud": issuer, "login_id": login.id,
                  "sub": login.client, "username": login.client,
                  "client_id": login.client, "scope": login.scope,
                  "profile": membership.get("profile", {}).get("reference"),
                  "jti": str(uuid.uuid4()), "iat": now, "nbf": now,
                  "exp": int(login.expires), **claims}
        token = self.sign(claims)
        self.by_token[token] = (login, claims)
        return token

    # Keys.

    def rotate_keys(self, keep=True):
        """A new key signs from now on.  `keep`: the others can still be had.
        Returns its kid."""
        if not keep:
            self.signing_keys.clear()
        kid = str(uuid.uuid4())
        self.signing_keys[kid] = ec.generate_private_key(ec.SECP384R1())
        return kid

    def sign(self, claims):
        kid, key = list(self.signing_keys.items())[-1]
        parts = [{"alg": "ES384", "kid": kid, "typ": "JWT"}, claims]
        text = ".".join(encode(dumps(part).encode()) for part in parts)
        signature = key.sign(text.encode(), ec.ECDSA(hashes.SHA384()))
        r, s = utils.decode_dss_signature(signature)
        return text + "." + encode(r.to_bytes(48, "big") + s.to_bytes(48, "big"))

    def key_set(self):
        keys = []
        for kid, key in self.signing_keys.items():
            numbers = key.public_key().public_numbers()
            keys.append({"kid": kid, "alg": "ES384", "kty": "EC", "use": "sig",
                         "crv": "P-384",
                         "x": encode(numbers.x.to_bytes(48, "big")),
                         "y": encode(numbers.y.to_bytes(48, "big"))})
        return {"keys": keys}

    def _client(self, id_):
        client = self.world.living(f"ClientApplication/{id_}")
        if client is None or client.get("status", "active") != "active":
            raise TokenError("invalid_request", "Invalid client")
        return client

    def membership_of(self, profile):
        for version in self.world.all_living("ProjectMembership"):
            resource = self.world.resource(version)
            if resource.get("profile", {}).get("reference") == profile:
                return resource
        return None

    def _by_assertion(self, assertion, token_url):
        try:
            head, body, signature = assertion.split(".")
            header = json.loads(decode(head))
            claims = json.loads(decode(body))
        except ValueError as error:
            raise TokenError("invalid_request", "Invalid assertion") from error
        client = self._client(claims.get("iss"))
        audience = claims.get("aud")
        if isinstance(audience, str):
            audience = [audience]
        now = self.now()
        if (claims.get("sub") != claims.get("iss")
                or token_url not in (audience or [])
                or not now < claims.get("exp", 0)
                or now + 1 < claims.get("nbf", 0)):
            raise TokenError("invalid_request", "Invalid client assertion")
        keys = self.public_keys.get(client["id"], [])
        keys = [key for kid, key in keys if kid == header.get("kid")]
        if not any(verifies(key, header.get("alg"), f"{head}.{body}".encode(),
                            decode(signature)) for key in keys):
            raise TokenError("invalid_request",
                             "Invalid client assertion signature")
        return client

    # Every other request.

    def authenticate(self, authorization):
        """The caller.  Raises the 401 or 400 that the server would answer."""
        kind, _, token = (authorization or "").partition(" ")
        if kind != "Bearer" or token not in self.by_token:
            raise Outcome("unauthorized")
        login, _ = self.by_token[token]
        return self.caller(login)

    def caller(self, login):
        if login.revoked or login.expires <= self.now():
            raise Outcome("unauthorized")
        membership = self.world.living(login.membership)
        if membership is None:
            raise bad_request(AUTHENTICATION_ERROR)
        project = self.world.living(membership["project"]["reference"])
        if project is None:
            raise bad_request(AUTHENTICATION_ERROR)
        if membership.get("active") is False:
            raise Outcome("unauthorized")
        type_, _, id_ = membership["profile"]["reference"].partition("/")
        profile = self.world.find(type_, id_)
        if profile is not None and profile.deleted:
            raise bad_request(AUTHENTICATION_ERROR)
        return Caller(login, Access(self.world, membership, project))

    def client_of(self, authorization):
        """Whose token it is, valid or not; None: nobody's."""
        token = (authorization or "").partition(" ")[2]
        known = self.by_token.get(token)
        return known[0].client if known else None

    # Control.

    def revoke(self, client):
        for login, _ in self.by_token.values():
            if login.client == client:
                login.revoked = True

    def add_public_key(self, client, kid, pem):
        key = serialization.load_pem_public_key(pem.encode())
        self.public_keys.setdefault(client, []).append((kid, key))


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verifies(key, algorithm, data, signature):
    digest = {"RS256": hashes.SHA256, "RS384": hashes.SHA384,
              "ES256": hashes.SHA256, "ES384": hashes.SHA384}.get(algorithm)
    if digest is None:
        return False
    try:
        if algorithm.startswith("RS"):
            key.verify(signature, data, padding.PKCS1v15(), digest())
        else:
            half = len(signature) // 2
            if half != {"ES256": 32, "ES384": 48}[algorithm]:
                return False
            pair = utils.encode_dss_signature(
                int.from_bytes(signature[:half], "big"),
                int.from_bytes(signature[half:], "big"))
            key.verify(pair, data, ec.ECDSA(digest()))
    except (InvalidSignature, TypeError, AttributeError):
        return False
    return True
