"""Whether an uploaded file may serve as a template: what it is, what is in it, what it asks for.

A .docx is a zip of XML parts. Each part is read within limits and packed anew, so that what is kept
is exactly what was checked.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from docx import Document
from docxtpl import DocxTemplate
from lxml import etree

from core.errors import Refused, TooLarge
from issues.choices import PaperKind
from issues.papers import rendering
from issues.papers.rendering import fault
from issues.papers.tags import sample_of

LARGEST_FILE = 2 * 1024 * 1024  # bytes
LARGEST_UNPACKED = 20 * 1024 * 1024
LARGEST_XML = 2 * 1024 * 1024  # of one part
MOST_PARTS = 200

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MAIN_PART = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
MAIN_TEMPLATE = "application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml"

# What parts of a file may be to each other; the end of a relation's type.
RELATIONS = frozenset(
    [
        "officeDocument",
        "core-properties",
        "extended-properties",
        "custom-properties",
        "thumbnail",
        "styles",
        "stylesWithEffects",
        "settings",
        "webSettings",
        "fontTable",
        "theme",
        "numbering",
        "footnotes",
        "endnotes",
        "header",
        "footer",
        "image",
        "customXml",
        "customXmlProps",
    ]
)
FORBIDDEN = {
    "vbaProject": "宏",
    "wordVbaData": "宏",
    "oleObject": "嵌入的对象",
    "package": "嵌入的对象",
    "control": "控件",
    "comments": "批注",
    "commentsExtended": "批注",
    "commentsIds": "批注",
    "commentsExtensible": "批注",
    "people": "批注",
    "glossaryDocument": "占位的文档部件",
    "font": "嵌入的字体（在 Word 选项中取消“将字体嵌入文件”）",
    "attachedTemplate": "附加的模板",
    "aFChunk": "插入的外部内容",
    "hyperlink": "超链接",
    "mailMergeSource": "邮件合并数据",
}
FIELDS = frozenset({"PAGE", "NUMPAGES", "SECTIONPAGES", "SECTION"})
CHANGES = ("ins", "del", "moveFrom", "moveTo")

BRACES = re.compile(r"\{\{|\{%|\{#")
WHOLE_TAG = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}|\{#.*?#\}")
# {{r …}}, {%tc …%}, {%- …%}: they change the file's structure in ways that nobody can foresee.
STRUCTURAL = re.compile(r"\{\{(r|p|tr|tc)\s|\{%(r|tc)\s|\{[{%]-|-[}%]\}")
FULL_WIDTH = re.compile(r"｛[｛%％{]|[{｛]％|[}％%｝]｝|％[}｝]")


def read(upload: UploadedFile, kind: PaperKind) -> bytes:
    """The template that was uploaded for ``kind``, packed anew. Raises Refused or TooLarge."""
    if upload.size is None or upload.size > LARGEST_FILE:
        raise TooLarge(f"模板文件不能超过 {LARGEST_FILE // (1024 * 1024)} MB。")
    content = _repacked(_unpacked(upload.read()))
    check(content, kind)
    return content


def check(content: bytes, kind: PaperKind) -> None:
    """Refuse a template that does not say what it may or does not come out whole."""
    try:
        rendering.check_tags(content, kind)
        _try(content, kind)
    except Refused:
        raise
    except Exception as error:
        # Libraries meet broken files with whatever happens to fail first.
        raise fault("这个文件不能作为模板打开，请在 Word 中另存为 .docx 后再上传。") from error


def _try(content: bytes, kind: PaperKind) -> None:
    """Fill the template with examples; a loop may not tear the tables apart."""
    sample = sample_of(kind)
    document = DocxTemplate(BytesIO(content))
    document.render_init()
    prepared = rendering.prepared(sample, document)
    try:
        etree.fromstring(document.build_xml(prepared, rendering.ENVIRONMENT))
    except etree.XMLSyntaxError as error:
        raise fault(
            "模板中有的 for 或 if 跨过了表格的行或单元格：整行重复用 {%tr … %}，"
            "整段用 {%p … %}，开始和结束写在同一层。"
        ) from error
    Document(BytesIO(rendering.fill(content, sample, title=kind.label)))


# --- the zip ---


def _unpacked(content: bytes) -> dict[str, bytes]:
    """The parts by their names, each read within the limits."""
    parts: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            declared = sum(info.file_size for info in infos)
            if len(infos) > MOST_PARTS or declared > LARGEST_UNPACKED:
                raise TooLarge("模板文件解开后过大，请删除不需要的图片和内容。")
            for info in infos:
                with archive.open(info) as part:
                    # What is declared can be a lie: never more than that is unpacked.
                    parts[info.filename] = part.read(info.file_size + 1)
    except Refused:
        raise
    except Exception as error:
        # Broken zips fail with BadZipFile, zlib.error, RuntimeError, NotImplementedError …
        raise fault("只接受 Word 的 .docx 文件，这个文件不是，或已损坏、加密。") from error
    _check_parts(parts)
    return parts


def _repacked(parts: Mapping[str, bytes]) -> bytes:
    output = BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return output.getvalue()


# --- what is in it ---


def _check_parts(parts: Mapping[str, bytes]) -> None:
    if "[Content_Types].xml" not in parts or "word/document.xml" not in parts:
        raise fault("只接受 Word 的 .docx 文件，这个文件不是。")
    for name, content in parts.items():
        if not name.endswith((".xml", ".rels")):
            continue
        root = _parsed(content)
        if name.endswith(".rels"):
            _check_relations(root)
        elif name == "[Content_Types].xml":
            _check_types(root)
        else:
            _check_words(root)


def _parsed(content: bytes) -> Any:
    if len(content) > LARGEST_XML:
        raise TooLarge("模板中的文字和格式过多，请另建一个简单的文件。")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise fault("这个 .docx 文件已损坏，请在 Word 中另存后再上传。") from error
    if root.getroottree().docinfo.doctype:
        raise fault("这个 .docx 文件的内容不正常，不能使用。")
    return root


def _check_types(root: Any) -> None:
    types = {element.get("ContentType", "") for element in root}
    if any("macroenabled" in name.lower() or "vba" in name.lower() for name in types):
        raise fault("模板中不能有宏，请在 Word 中另存为 .docx（不带宏）后再上传。")
    if MAIN_TEMPLATE in types:
        raise fault("这是 Word 模板（.dotx），请在 Word 中另存为 .docx 后再上传。")
    if MAIN_PART not in types:
        raise fault("只接受 Word 的 .docx 文件，这个文件不是。")


def _check_relations(root: Any) -> None:
    for relation in root:
        kind = relation.get("Type", "").rpartition("/")[2]
        if kind in FORBIDDEN:
            raise fault(f"模板中不能有{FORBIDDEN[kind]}，请删除后再上传。")
        if relation.get("TargetMode", "") == "External":
            raise fault("模板中引用了外部的文件或网址，请改为插入，再上传。")
        if kind not in RELATIONS:
            raise fault(f"模板中有不能使用的内容（{kind}），请删除后再上传。")


def _check_words(root: Any) -> None:
    """Texts, fields and tags of one part."""
    if any(True for name in CHANGES for _ in root.iter(f"{WORD}{name}")):
        raise fault("模板中还有修订，请在 Word 中接受全部修订后再上传。")
    for instruction in _instructions(root):
        name = instruction.split()[0].upper() if instruction.split() else ""
        if name not in FIELDS:
            raise fault(f"模板中有不能使用的域“{name}”，请改为普通文字；只可以用页码。")
    for element in root.iter():
        outside = [] if element.tag == f"{WORD}t" else [element.text or ""]
        if any(BRACES.search(text) for text in [*element.attrib.values(), *outside]):
            raise fault("模板的标签只能写在正文、表格、页眉和页脚的文字里。")
    for paragraph in root.iter(f"{WORD}p"):
        _check_paragraph("".join(part.text or "" for part in paragraph.iter(f"{WORD}t")))


def _instructions(root: Any) -> Iterator[str]:
    """The instructions of the fields of a part; Word may cut one into several pieces."""
    for field in root.iter(f"{WORD}fldSimple"):
        yield field.get(f"{WORD}instr", "")
    pieces: list[list[str]] = []  # of the fields that are open, one inside the other
    for element in root.iter(f"{WORD}fldChar", f"{WORD}instrText"):
        if element.tag == f"{WORD}instrText":
            if not pieces:
                yield element.text or "?"  # outside a field: nothing that Word writes
            else:
                pieces[-1].append(element.text or "")
        elif element.get(f"{WORD}fldCharType") == "begin":
            pieces.append([])
        elif element.get(f"{WORD}fldCharType") == "end" and pieces:
            yield "".join(pieces.pop())
    yield from ("".join(piece) for piece in pieces)


def _check_paragraph(text: str) -> None:
    shown = text.strip()[:40]
    if FULL_WIDTH.search(text):
        raise fault(f"“{shown}”：标签的花括号和百分号须用半角，如 {{{{ 标题 }}}}。")
    if structural := STRUCTURAL.search(text):
        raise fault(f"“{shown}”：不能使用“{structural[0].strip()}”，写法见本页的说明。")
    rest = WHOLE_TAG.sub("", text)
    if BRACES.search(rest) or re.search(r"\}\}|%\}|#\}", rest):
        raise fault(f"“{shown}”：标签没有写完整，花括号须成对，并在同一段里。")
