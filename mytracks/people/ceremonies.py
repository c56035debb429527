"""What browsers and authenticators are asked and answer, checked by the library for it.

Loaded when somebody first has to do with passkeys: few do, and with its formats of attestation it
would be a tenth of every start.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import webauthn
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from mytracks.people.challenges import CHALLENGE_SECONDS, Site
from mytracks.people.factor_ports import Passkey

RP_NAME: Final = "mytracks"


class Ceremonies:
    """Those of one site."""

    UNFIT: Final = (
        *(WebAuthnException, ValueError, LookupError, TypeError, AttributeError, ArithmeticError),
        *(struct.error, RecursionError),
    )
    """What the library raises at bytes that are no answer of an authenticator."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def creation(
        self,
        name: str,
        display: str,
        handle: bytes,
        known: Sequence[Passkey],
        challenge: bytes,
    ) -> Mapping[str, Any]:
        """What a browser needs to make a passkey for whom `handle` stands for (`publicKey`, as
        JSON); an authenticator that holds one of `known` makes none."""
        options = webauthn.generate_registration_options(
            rp_id=self._site.name,
            rp_name=RP_NAME,
            user_id=handle,
            user_name=name,
            user_display_name=display,
            challenge=challenge,
            timeout=CHALLENGE_SECONDS * 1000,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=each.credential) for each in known
            ],
        )
        return _as_json(options)

    def request(self, challenge: bytes) -> Mapping[str, Any]:
        """What a browser needs to offer its passkeys (`publicKey`, as JSON)."""
        options = webauthn.generate_authentication_options(
            rp_id=self._site.name,
            challenge=challenge,
            timeout=CHALLENGE_SECONDS * 1000,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return _as_json(options)

    def registered(self, credential: Mapping[str, Any], challenge: bytes) -> VerifiedRegistration:
        """The passkey that was made for `challenge`. Raises one of UNFIT."""
        return webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=self._site.name,
            expected_origin=self._site.origin,
            require_user_verification=True,
        )

    def shown(self, credential: Mapping[str, Any]) -> AuthenticationCredential:
        """What a browser answered, read. Raises one of UNFIT."""
        return parse_authentication_credential_json(dict(credential))

    def verified(
        self, answer: AuthenticationCredential, passkey: Passkey, challenge: bytes
    ) -> VerifiedAuthentication:
        """That `passkey` has signed `challenge`. Raises one of UNFIT."""
        return webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=self._site.name,
            expected_origin=self._site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )


def _as_json(options: Any) -> Mapping[str, Any]:
    written: Mapping[str, Any] = json.loads(webauthn.options_to_json(options))
    return written
