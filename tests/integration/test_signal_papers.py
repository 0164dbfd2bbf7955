"""What leaves: released counts to a platform, briefs for Word and PDF, the record of signals."""

import asyncio
import csv
import io
import json
import re
import zipfile
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast

import docx
import httpx2
import pytest
import uvicorn
from docx.shared import Pt
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.notify.webhook import SignedPost
from service.release_settings import FLOOR
from service.surveillance.counts import put_cells
from service.surveillance.daily import refresh
from service.surveillance.push import Pusher, SignalWay, WeekWay, pushes
from service.surveillance.series import CountCell
from service.surveillance.signal_store import Deed, TownshipAnswer
from service.surveillance.signal_words import Cause, Verified
from service.surveillance.workflow import Act
from service.web.brief import Brief, Section
from service.web.brief_docx import BriefTemplateError, write_docx
from service.web.brief_pdf import write_pdf
from service.web.signal_view import signal_lines
from tests.fixtures.database import Database
from tests.integration.page_county import seed_passwords, seed_townships
from tests.integration.service_county import PASSWORD, ZONE, County, open_county, serving
from tests.integration.signal_county import (
    DAY,
    evidence,
    finding,
    form,
    seed_officers,
    signals_of,
)

pytestmark = [pytest.mark.peer]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await seed_officers(opened)
        yield opened


class Platform:
    """A small DHIS2: takes data value sets, checks who sends them, may be broken for a while."""

    def __init__(self) -> None:
        self.broken = 0
        self.sets: list[tuple[str, dict[str, object]]] = []

    async def take(self, request: Request) -> Response:
        body = await request.body()
        if self.broken:
            self.broken -= 1
            return Response(status_code=503)
        # the county's clock stands in 2026-09, which `verify` would call too old
        at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), tz=UTC)
        signed = Webhook(SECRET).sign(request.headers["webhook-id"], at, body.decode())
        assert request.headers["webhook-signature"] == signed
        assert request.headers["authorization"] == "ApiToken d2p_test"
        self.sets.append((request.headers["webhook-id"], json.loads(body)))
        return Response(content='{"status":"OK"}', media_type="application/json")


@asynccontextmanager
async def platform() -> AsyncGenerator[tuple[Platform, str]]:
    taken = Platform()
    app = Starlette(routes=[Route("/api/dataValueSets", taken.take, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(), name="platform")
        while not server.started:  # noqa: ASYNC110 -- uvicorn offers no event
            await asyncio.sleep(0.01)
        port: int = server.servers[0].sockets[0].getsockname()[1]
        yield taken, f"http://127.0.0.1:{port}/api/dataValueSets"
        server.should_exit = True


@pytest.mark.row("C18")
async def test_every_released_week_reaches_the_platform_once_and_only_what_is_shown(
    county: County,
) -> None:
    await seed_townships(county, {"东风镇": 14, "青山乡": 12, "临河镇": 3}, 45)
    await refresh(county.store.pool, county.now, ZONE)
    shown = await county.owner.fetch(
        "SELECT week_start, indicator, area, people FROM cdc.release_cell"
        " WHERE disclosure = 'shown' ORDER BY week_start, indicator, area"
    )
    weeks = {row["week_start"] for row in shown}
    async with platform() as (taken, url), httpx2.AsyncClient() as client:
        post = SignedPost(client, url=url, secret=SECRET, authorization="ApiToken d2p_test")
        pusher = Pusher(county.store.pool, [WeekWay(post=post)])
        taken.broken = 2
        assert await pusher.tick(county.now)
        for _ in range(20):
            county.clock.advance(timedelta(minutes=1))
            while await pusher.tick(county.now):
                pass
        assert {name for name, _ in taken.sets} >= {f"week-{week}" for week in weeks}
        assert len(taken.sets) == len({name for name, _ in taken.sets}), "none twice"
    sent = {
        (value["period"], value["dataElement"], value["orgUnit"]): int(value["value"])
        for _, body in taken.sets
        for value in cast("list[dict[str, str]]", body["dataValues"])
    }
    assert sent == {
        (f"{row['week_start']:%G}W{row['week_start']:%V}", row["indicator"], row["area"]): row[
            "people"
        ]
        for row in shown
    }
    assert {one.state for one in await pushes(county.store.pool)} == {"delivered"}


@pytest.mark.row("C9")
async def test_who_watches_the_messenger_hears_that_a_signal_waits_and_nothing_of_it(
    county: County,
) -> None:
    (known,) = await form(county, finding("t-dong"))
    await form(county, finding("t-lin", (evidence("school", 3, expected=0.5, upperbound=2.0),)))
    await form(county, finding("t-qing", drill=True))
    async with platform() as (taken, url), httpx2.AsyncClient() as client:
        post = SignedPost(client, url=url, secret=SECRET, authorization="ApiToken d2p_test")
        way = SignalWay(post=post, public_url="https://county.example/", floor=FLOOR)
        pusher = Pusher(county.store.pool, [way])
        while await pusher.tick(county.now):
            pass
        county.clock.advance(timedelta(hours=25))
        while await signals_of(county).tick(county.now):
            pass
        while await pusher.tick(county.now):
            pass
    link = f"https://county.example/signals/{known}"
    said = [cast("dict[str, object]", body["data"]) for _, body in taken.sets]
    assert said == [{"link": link, "rung": 0}, {"link": link, "rung": 1}]
    assert {body["type"] for _, body in taken.sets} == {"signal.waits"}


async def work_through(county: County) -> None:
    """One verified signal, one on small counts, one exercise that was dismissed."""
    (signal_id,) = await form(county, finding("township-area", (evidence(), evidence("school", 3))))
    (drill,) = await form(county, finding("t-qing", drill=True))
    await form(county, finding("t-lin", (evidence("school", 3, expected=0.5, upperbound=2.0),)))
    store, officer = signals_of(county), await county.account("cdc")
    county.clock.advance(timedelta(minutes=25))
    ask = Deed(act=Act.ASK, reason="看一看", question="请核实发热")
    await store.act(officer, signal_id, ask, county.now)
    township = await county.account("desk")
    (asked,) = await store.questions(township, county.now)
    said = TownshipAnswer(finding=Verified.EVENT, cases=3, looked_at=("school",), account="=1+1")
    await store.answer(township, asked.verification_id, said, county.now)
    dismiss = Deed(act=Act.DISMISS, reason="演练结束", cause=Cause.CHANCE)
    await store.act(officer, drill, dismiss, county.now)


@asynccontextmanager
async def signed_in(county: County, login: str) -> AsyncGenerator[httpx2.AsyncClient]:
    await seed_passwords(county)
    async with (
        serving(county.services) as url,
        httpx2.AsyncClient(base_url=url, timeout=60) as client,
    ):
        await client.post("/login", data={"login": login, "password": PASSWORD})
        yield client


@pytest.mark.row("C20")
async def test_the_record_holds_formed_passed_on_answered_and_fed_back_and_no_small_number(
    county: County,
) -> None:
    await work_through(county)
    async with signed_in(county, "cdc") as client:
        found = (await client.get("/signals/record.json")).json()
        text = (await client.get("/signals/record.csv")).text
        client.cookies.clear()
        again = await client.post("/login", data={"login": "duty", "password": PASSWORD})
        assert again.status_code == 303
        assert (await client.get("/signals/record.json")).json() == found
    by_place = {one["place"]: one for one in found}
    assert set(by_place) == {"镇", "青山乡"}, "a document holds what every officer may know"
    one = by_place["镇"]
    assert [entry["phase"] for entry in one["record"]] == ["formation", "transmission", "response"]
    assert one["minutes_to_first_answer"] == 25
    assert one["sources"] == ["clinic"]
    assert one["verifications"][0]["cases"] == "1–4"
    assert by_place["青山乡"]["drill"] is True
    assert by_place["青山乡"]["record"][-1]["phase"] == "feedback"
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert {row["phase"] for row in rows} == {"formation", "transmission", "response", "feedback"}
    assert "'=1+1" in {row["why"] for row in rows}, "no formula for a spreadsheet"


@pytest.mark.row("C11")
async def test_a_higher_floor_holds_on_every_page_and_paper(county: County) -> None:
    """Seven cases are told where the floor is five; where it is eight nothing tells of them."""
    settings = county.services.settings.model_copy(update={"release_floor": 8})
    county.services = replace(county.services, settings=settings)
    seven = evidence("school", 7, expected=1.0, upperbound=3.0)
    await form(county, finding("township-area", (evidence(), seven)), finding("t-lin", (seven,)))
    async with signed_in(county, "cdc") as client:
        pages = {
            path: (await client.get(path)).text
            for path in ("/signals", "/signals/all", "/signals/brief", "/signals/record.csv")
        }
        (link,) = set(re.findall(r"/signals/[0-9a-f-]{36}", pages["/signals"]))
        pages[link] = (await client.get(link)).text
        word = (await client.get(f"{link}/brief.docx")).content
        refused = await client.post("/signals/drill", data={"area": "t-lin", "cases": "7"})
        asked = {"act": "ask", "question": "请联系 138 0013 8000"}
        named = await client.post(f"{link}/act", data=asked)
        assert (named.status_code, "电话" in named.text) == (409, True)
    document = docx.Document(io.BytesIO(word))
    pages["word"] = " ".join(
        [one.text for one in document.paragraphs]
        + [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    )
    for path, text in pages.items():
        assert "学校缺课" not in text, path
        assert "镇" in text, path
        assert "临河镇</a>" not in text, path
    assert "至少为8" in pages["/signals"]
    assert "小于8" in pages["word"]
    assert refused.status_code == 409


@pytest.mark.row("C11")
async def test_what_was_asked_about_small_counts_is_not_told_once_larger_ones_cross(
    county: County,
) -> None:
    """The duty officer asked about three pupils; the next day the clinic crosses."""
    small = evidence("school", 3, expected=0.5, upperbound=2.0)
    (signal_id,) = await form(county, finding("t-lin", (small,)))
    store, duty = signals_of(county), await county.account("duty")
    (seen,) = await store.signals(duty, county.now)
    (line,) = signal_lines([seen], [], "zh", county.now, ZONE)
    assert "学校缺课" in line.question, "nobody else knows of it yet"
    ask = Deed(act=Act.ASK, reason="看一看", question=line.question)
    await store.act(duty, signal_id, ask, county.now)
    county.clock.advance(timedelta(days=1))
    after = DAY + timedelta(days=1)
    await form(county, finding("t-lin", (small, evidence("clinic", day=after)), day=after))
    officer = await county.account("cdc")
    for reader, signals, asked in ((officer, 1, 0), (duty, 2, 1)):
        found = await store.signals(reader, county.now)
        assert len(found) == signals
        assert len(await store.verifications(found)) == asked
    (seen,) = [one for one in found if one.signal_id != signal_id]
    (line,) = signal_lines([seen], [], "zh", county.now, ZONE)
    assert "学校缺课" not in line.question, "an officer will read it"
    assert "门诊就诊" in line.question


@pytest.mark.row("R9")
async def test_the_cdc_sees_the_number_that_townships_verified_and_it_does_not_move(
    county: County,
) -> None:
    """The county's clock shows Tuesday, 1 September; the week from 24 August is over."""
    monday = date(2026, 8, 24)

    async def counted(area: str, people: int, at: datetime, homes: int = 6) -> None:
        cell = CountCell(area=area, indicator="cluster_verified", day=monday, value=1)
        cell = replace(cell, people=people, households=homes, largest_share=1 / homes)
        async with county.store.pool.acquire() as connection:
            await put_cells(connection, "home", [cell], at)

    known = datetime(2026, 8, 31, 1, 0, tzinfo=ZONE)
    await counted("t-dong", 12, known)
    await counted("t-qing", 3, known)
    await counted("t-lin", 6, known, homes=1)  # one home is all of it
    await counted("t-dong", 13, county.now)  # one more, known later
    async with signed_in(county, "duty") as client:
        page = (await client.get("/signals")).text
        brief = (await client.get("/signals/brief")).text
    for text in (page, brief):
        assert "东风镇：12人" in text
        assert "青山乡：1–4人" in text
        assert "临河镇：≥5人" in text


@pytest.mark.row("C17")
async def test_the_brief_says_what_the_page_says_and_is_a_word_document(county: County) -> None:
    await work_through(county)
    async with signed_in(county, "duty") as client:
        word = await client.get("/signals/brief.docx")
        page = await client.get("/signals/brief")
        pdf = await client.get("/signals/brief.pdf")
    document = docx.Document(io.BytesIO(word.content))
    cells = {cell.text for table in document.tables for row in table.rows for cell in row.cells}
    assert "镇" in cells
    assert "青山乡 (演练)" in cells
    assert "临河镇" not in cells
    assert all(f"<td>{text}</td>" in page.text or f">{text}</th>" in page.text for text in cells)
    summary = document.tables[0]
    assert [cell.text for cell in summary.rows[1].cells] == ["0", "1", "0", "0", "0"]
    assert pdf.content.startswith(b"%PDF")
    assert pdf.headers["content-disposition"].endswith('.pdf"')


BRIEF = Brief(
    language="zh",
    title="简报",
    subtitle="县 · 9月1日",
    sections=(Section(title="概要", lines=("一",), table=(("甲", "乙"), ("1", "2"))),),
    foot="完",
    file_name="brief",
)


@pytest.mark.row("C17")
def test_the_countys_own_template_keeps_its_text_around_the_brief(tmp_path: Path) -> None:
    made = docx.Document()
    for line in ("某某县疾病预防控制中心", "{{title}}", "{{brief}}", "{{foot}}", "抄送：卫健局"):
        made.add_paragraph(line)
    template = tmp_path / "template.docx"
    made.save(str(template))
    found = docx.Document(io.BytesIO(write_docx(BRIEF, template)))
    lines = [one.text for one in found.paragraphs]
    assert lines == ["某某县疾病预防控制中心", "简报", "概要", "一", "完", "抄送：卫健局"]
    parts = [type(one).__name__ for one in found.iter_inner_content()]
    assert parts.index("Table") == 4, "the table stands in its section"
    with pytest.raises(BriefTemplateError):
        write_docx(BRIEF, tmp_path / "missing.docx")
    (tmp_path / "no.docx").write_text("no document")
    with pytest.raises(BriefTemplateError):
        write_docx(BRIEF, tmp_path / "no.docx")


@pytest.mark.row("C17")
def test_a_template_with_tables_and_headers_keeps_its_letters(tmp_path: Path) -> None:
    """A county's red head: the title in a table cell, cut into runs, the number in the header."""
    made = docx.Document()
    made.sections[0].header.paragraphs[0].text = "{{subtitle}}"
    made.sections[0].footer.paragraphs[0].text = "{{foot}}"
    table = made.add_table(rows=2, cols=2)
    joined = table.rows[0].cells[0].merge(table.rows[0].cells[1])
    head = joined.paragraphs[0]
    for piece in ("{{ti", "tle", "}}"):
        run = head.add_run(piece)
        run.bold, run.font.size = True, Pt(22)
    table.rows[1].cells[0].text = "{{brief}}"
    template = tmp_path / "template.docx"
    made.save(str(template))
    found = docx.Document(io.BytesIO(write_docx(BRIEF, template)))
    assert found.sections[0].header.paragraphs[0].text == BRIEF.subtitle
    assert found.sections[0].footer.paragraphs[0].text == BRIEF.foot
    title = found.tables[0].rows[0].cells[0].paragraphs[0]
    assert (title.text, title.runs[0].bold, title.runs[0].font.size) == ("简报", True, Pt(22))
    cell = found.tables[0].rows[1].cells[0]
    assert [one.text for one in cell.paragraphs] == ["概要", "一"]
    assert [one.text for one in cell.tables[0].rows[0].cells] == ["甲", "乙"]
    assert not any("{{" in one.text for one in found.paragraphs)


@pytest.mark.row("C17")
def test_a_long_brief_has_chinese_fonts_and_whole_rows_in_word_and_pdf() -> None:
    rows = tuple((f"乡镇{n}", "1–4") for n in range(90))
    long = replace(BRIEF, sections=(Section(title="概要", table=(("甲", "乙"), *rows)),))
    with zipfile.ZipFile(io.BytesIO(write_docx(long, None))) as parts:
        body, styles = (parts.read(f"word/{one}.xml").decode() for one in ("document", "styles"))
    assert (body.count("<w:cantSplit"), body.count("<w:tblHeader")) == (91, 1)
    assert styles.count('w:eastAsia="宋体"') == 1
    assert 'w:eastAsia="zh-CN"' in styles
    lines = "".join(f"<tr><td>{a}</td><td>{b}</td></tr>" for a, b in rows)
    page = f"<html lang=zh><body><table>{lines}</table></body></html>"
    inside = unpacked(write_pdf(page))
    assert len(re.findall(rb"/Type ?/Page\b", inside)) >= 2
    assert b"/FontFile" in inside, "embedded"
    (name,) = set(re.findall(rb"/FontName ?/([^ /]+)", inside))
    assert b"CJK" in name, "the letters of a Chinese font, for all there is"


def unpacked(pdf: bytes) -> bytes:
    """The objects of a PDF, those in compressed streams too."""
    found = [pdf]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        with suppress(zlib.error):
            found.append(zlib.decompress(stream))
    return b"\n".join(found)


async def test_released_counts_are_exported_as_a_data_value_set(county: County) -> None:
    await seed_townships(county, {"东风镇": 14, "临河镇": 3}, 45)
    await refresh(county.store.pool, county.now, ZONE)
    async with signed_in(county, "cdc") as client:
        found = (await client.get("/signals/counts.json?weeks=1")).json()
        refused = await client.get("/signals/counts.json?weeks=0")
    assert found["dataSet"] == "HEARTHWATCH_WEEK"
    assert {one["period"] for one in found["dataValues"]} <= {"2026W33"}
    assert refused.status_code == 422
