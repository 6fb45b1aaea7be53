"""The schema of the sections about Asterisk and the media that it sends."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from callguard.config.base import Port, Secret, Section, bracketed, host, network, without_password


class Ari(Section):
    """Asterisk REST Interface: http.conf and ari.conf."""

    url: Annotated[str, AfterValidator(without_password)] = Field(
        "http://127.0.0.1:8088",
        pattern=r"^https?://",
        examples=["http://127.0.0.1:8088"],
        description="Base URL of Asterisk's HTTP server, without password.",
    )
    user: str = Field("callguard", description="User in ari.conf.")
    password: Secret = Field(Secret(env="CALLGUARD_ARI_PASSWORD"), description="Password of that user.")
    app: str = Field(
        "callguard",
        pattern=r"^[A-Za-z0-9_-]+$",
        examples=["callguard"],
        description="Stasis application; each node needs a name of its own.",
    )
    timeout_s: float = Field(5.0, gt=0, le=60, description="Seconds that one REST request may take.")


class Ami(Section):
    """Asterisk Manager Interface: manager.conf. It gives queue membership and wait times, and pauses queue members."""

    enabled: bool = Field(True, description="Whether to connect to AMI; without AMI, queue facts come from ARI only.")
    host: str = Field("127.0.0.1", description="Host of the manager interface.")
    port: Port = Field(5038, description="Port of the manager interface.")
    user: str = Field("callguard", description="User in manager.conf.")
    secret: Secret = Field(Secret(env="CALLGUARD_AMI_SECRET"), description="Secret of that user.")


class AsteriskConfig(Section):
    """The PBX."""

    ari: Ari = Field(Ari(), description="REST and events.")
    ami: Ami = Field(Ami(), description="Queue facts and pause.")
    native_rtp_confirmed: bool = Field(
        False,
        description="True: bridge_native_rtp stays loaded, and somebody has heard on this site's phones that taps "
        "deafen none of them (`callguard doctor --phone`). Without this the doctor reports the module as an error.",
    )


Host = Annotated[str, AfterValidator(host)]


class Media(Section):
    """How Asterisk sends call media to CallGuard."""

    tap: Literal["audiosocket", "external_media"] = Field(
        "audiosocket",
        description="audiosocket: cheapest, needs one dialplan context. external_media: RTP, needs no dialplan.",
    )
    tap_context: str = Field("callguard-tap", description="Dialplan context that holds the AudioSocket extension.")
    listen: Host = Field("127.0.0.1", description="Address on which media is received, IPv4 or IPv6; `::`: on both.")
    advertise: Host | None = Field(None, description="Address to which Asterisk sends media; default: `listen`.")
    audiosocket_port: Port = Field(
        9092, description="First AudioSocket port; worker n listens on port + n. 0: any free port."
    )
    sources: tuple[Annotated[str, AfterValidator(network)], ...] = Field(
        (),
        examples=['["192.0.2.7"]'],
        description="Addresses and networks from which media is accepted. Empty: RTP from the address that Asterisk "
        "announces for each leg; AudioSocket from any address, as it names its leg by a secret UUID. Needed behind "
        "address translation.",
    )
    rtp_codec: Literal["slin", "slin16", "ulaw", "alaw"] = Field(
        "slin", description="Format requested of external_media."
    )
    rtp_start: Port = Field(20000, description="First UDP port for external_media; each leg takes an even port.")
    rtp_end: Port = Field(29998, description="Last UDP port for external_media.")
    workers: int = Field(1, ge=1, le=64, description="Media worker processes; one for each core.")
    legs_per_worker: int = Field(2000, ge=2, le=20000, description="Most legs of one worker.")
    first_tap_delay_s: float | None = Field(
        None,
        ge=0,
        le=10,
        description="Seconds from the join of customer and agent to the first tap. Default: 0.5 where Asterisk has "
        "bridge_native_rtp loaded, as some phones go deaf when RTP jumps right after the answer; else 0.",
    )
    connect_timeout_s: float = Field(
        5.0,
        gt=0,
        le=60,
        description="Seconds that each step of a tap may take: port, snoop, dialplan or bridge, first frame.",
    )
    stall_timeout_s: float = Field(
        5.0, gt=0, le=60, description="Seconds without a frame after which a leg counts as stalled."
    )

    @field_validator("rtp_end")
    @classmethod
    def _behind_the_start(cls, end: int, info: ValidationInfo) -> int:
        if end <= info.data.get("rtp_start", 0):
            raise ValueError(f"must be above rtp_start, which is {info.data['rtp_start']}")
        return end

    @property
    def named_host(self) -> str | None:
        """Return the host that the tap's dialplan is told; None where its own CALLGUARD_MEDIA, or loopback, counts."""
        told = self.advertise or (self.listen if ":" in self.listen and self.listen != "::" else None)
        return bracketed(told) if told else None
