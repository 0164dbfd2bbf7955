"""WeCom, DingTalk and Feishu: the robots of a doctor's own chat, asked over HTTP.

Their answer is read, because all three say HTTP 200 to a message they refuse (apprise 2.2 takes
that for delivered). An address is the robot's key, with `:secret` behind it where the robot wants
its messages signed. Formats: WeCom "群机器人配置说明", DingTalk "自定义机器人接入" and Feishu
"自定义机器人使用指南", as published in 2026.
"""

import base64
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from urllib.parse import quote

import httpx2
import msgspec

from service.notify.bounded import LONGEST_S, Answer, post
from service.notify.notifier import Channel, Outcome, Result
from service.notify.wording import Wording


class _Said(msgspec.Struct, frozen=True):
    """WeCom and DingTalk say `errcode`, Feishu `code`; nothing at all is no answer of theirs."""

    errcode: int | None = None
    code: int | None = None

    @property
    def said(self) -> int | None:
        return self.errcode if self.errcode is not None else self.code


@dataclass(frozen=True, slots=True, kw_only=True)
class Robot:
    """How one messenger wants a text, and which of its answers are final."""

    url: str
    body: Callable[[str, str, datetime], bytes]
    query: Callable[[str, datetime], str]
    never: frozenset[int]


def _plain(text: str, secret: str, now: datetime) -> bytes:
    del secret, now
    return msgspec.json.encode({"msgtype": "text", "text": {"content": text}})


def _feishu(text: str, secret: str, now: datetime) -> bytes:
    body: dict[str, object] = {"msg_type": "text", "content": {"text": text}}
    if secret:
        at = str(int(now.timestamp()))
        key = f"{at}\n{secret}".encode()
        body |= {"timestamp": at, "sign": _signed(key, b"")}
    return msgspec.json.encode(body)


def _no_query(secret: str, now: datetime) -> str:
    del secret, now
    return ""


def _dingtalk_query(secret: str, now: datetime) -> str:
    if not secret:
        return ""
    at = str(int(now.timestamp() * 1000))
    sign = _signed(secret.encode(), f"{at}\n{secret}".encode())
    return f"&timestamp={at}&sign={quote(sign, safe='')}"


def _signed(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(key, text, sha256).digest()).decode()


ROBOTS: Mapping[Channel, Robot] = {
    Channel.WECOM: Robot(
        url="https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={address}",
        body=_plain,
        query=_no_query,
        never=frozenset({93000}),  # the key is none
    ),
    Channel.DINGTALK: Robot(
        url="https://oapi.dingtalk.com/robot/send?access_token={address}",
        body=_plain,
        query=_dingtalk_query,
        never=frozenset({300001, 310000}),  # no such robot; its security settings refuse us
    ),
    Channel.FEISHU: Robot(
        url="https://open.feishu.cn/open-apis/bot/v2/hook/{address}",
        body=_feishu,
        query=_no_query,
        never=frozenset({19001, 19021, 19022, 19024}),  # key, signature, network, keyword
    ),
}


class RobotCarrier:
    """Carries by one messenger's robots; `url` is a county's own gateway to it, if it has one."""

    def __init__(
        self,
        robot: Robot,
        client: httpx2.AsyncClient,
        *,
        url: str | None = None,
        longest_s: float = LONGEST_S,
    ) -> None:
        self._longest_s = longest_s
        self._robot = robot
        self._client = client
        self._url = url or robot.url

    async def carry(self, address: str, text: Wording, message_id: str, now: datetime) -> Outcome:
        """Tries once, at most 10 s; only the messenger's own "0" is delivered."""
        key, _, secret = address.partition(":")
        url = self._url.replace("{address}", quote(key, safe="")) + self._robot.query(secret, now)
        body = self._robot.body(f"{text.title}\n{text.body}", secret, now)
        headers = {"content-type": "application/json", "x-message-id": message_id}
        answer = await post(
            self._client, url, content=body, headers=headers, longest_s=self._longest_s
        )
        return answer if isinstance(answer, Outcome) else self._outcome(answer)

    def _outcome(self, answer: Answer) -> Outcome:
        if answer.status != HTTPStatus.OK:
            detail = f"HTTP {answer.status}"
            return Outcome(result=Result.RETRY_LATER, detail=detail)
        try:
            said = msgspec.json.decode(answer.body, type=_Said).said
        except msgspec.MsgspecError:
            said = None
        if said == 0:
            return Outcome(result=Result.DELIVERED, detail="taken by the messenger")
        if said is None:
            return Outcome(result=Result.RETRY_LATER, detail="answer not understood")
        result = Result.REFUSED if said in self._robot.never else Result.RETRY_LATER
        return Outcome(result=result, detail=f"messenger says {said}")
