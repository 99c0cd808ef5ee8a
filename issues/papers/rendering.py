"""Filling a template. Nothing in it is a program: names, loops over known lists, and conditions.

What a template says is read as a syntax tree and compared with the tags of its kind before it is
carried out, and carried out in a sandbox without functions or filters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

from docx import Document
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.shared import Mm
from docxtpl import DocxTemplate, InlineImage
from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from PIL import Image

from core.errors import Refused
from issues.choices import PaperKind
from issues.papers.tags import Picture, Rows, tags_of

PICTURE_BOX = (54, 72)  # millimetres: two stand side by side, with some room around each
LARGEST_PAPER = 30 * 1024 * 1024  # bytes

ENVIRONMENT = ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
for _known in (ENVIRONMENT.globals, ENVIRONMENT.filters, ENVIRONMENT.tests):
    _known.clear()


def fault(message: str) -> Refused:
    return Refused(message, code="bad_template", fields={"file": [message]})


def fill(template: bytes, values: Mapping[str, Any], *, title: str) -> bytes:
    """The .docx that ``template`` makes of ``values``: strings, pictures, lists of rows of them.

    ``title`` goes into the file's properties; whoever made the template stays out of them. Raises
    Refused where the template asks for what is not there.
    """
    document = DocxTemplate(BytesIO(template))
    document.init_docx()
    properties = document.docx.core_properties
    properties.author = properties.last_modified_by = properties.comments = ""
    properties.identifier = properties.language = properties.subject = properties.title = ""
    document.render_init()
    try:
        document.render(prepared(values, document), jinja_env=ENVIRONMENT, autoescape=True)
    except TemplateError as error:
        raise fault("模板不能填写：有的标签没有内容可用，请恢复默认模板或重新上传。") from error
    document.docx.core_properties.title = title
    output = BytesIO()
    document.save(output)
    if output.tell() > LARGEST_PAPER:
        raise fault("按这个模板生成的文件过大，请减少模板中的重复内容。")
    Document(BytesIO(output.getvalue()))  # what is not whole fails here and not at the reader's
    return output.getvalue()


def prepared(value: Any, document: DocxTemplate) -> Any:
    if isinstance(value, Mapping):
        return {name: prepared(inner, document) for name, inner in value.items()}
    if isinstance(value, list):
        return [prepared(inner, document) for inner in value]
    return _inline(value, document) if isinstance(value, Picture) else clean(value)


def clean(text: str) -> str:
    """Text without characters that a .docx can't hold; a new line begins a new paragraph."""
    lines = text.replace("\r\n", "\n").replace("\t", " ")
    return UNWRITABLE.sub("", lines).replace("\n", "\a")


UNWRITABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def _inline(picture: Picture, document: DocxTemplate) -> InlineImage:
    width, height = Image.open(BytesIO(picture.content)).size
    scale = min(PICTURE_BOX[0] / width, PICTURE_BOX[1] / height)
    return InlineImage(document, BytesIO(picture.content), Mm(width * scale), Mm(height * scale))


# --- what a template may say ---


def check_tags(template: bytes, kind: PaperKind) -> None:
    """Refuse a template that says anything but the tags of ``kind``, and name what it is."""
    document = DocxTemplate(BytesIO(template))
    document.init_docx()
    vocabulary = _Vocabulary(kind)
    for xml in _parts(document):
        vocabulary.read(document.patch_xml(xml))
    if vocabulary.unknown:
        names = "、".join(f"“{name}”" for name in dict.fromkeys(vocabulary.unknown))
        raise fault(f"模板中有不认识的标签：{names}。可以使用的标签见本页的说明。")


def _parts(document: DocxTemplate) -> Iterator[str]:
    """The XML of everything that is filled in."""
    yield document.get_xml()
    for uri in (document.HEADER_URI, document.FOOTER_URI):
        for _, part in document.get_headers_footers(uri):
            yield document.get_part_xml(part)
    for relation in document.docx.part.rels.values():
        if relation.reltype == RELATIONSHIP_TYPE.FOOTNOTES:
            yield relation.target_part.blob.decode()


class _Vocabulary:
    """The tags of one kind, and those that a template asked for and that there are not."""

    def __init__(self, kind: PaperKind) -> None:
        tags = tags_of(kind)
        self.single = {tag.name for tag in tags if not isinstance(tag, Rows)}
        self.rows = {
            tag.name: {column.name for column in tag.columns}
            for tag in tags
            if isinstance(tag, Rows)
        }
        self.unknown: list[str] = []

    def read(self, xml: str) -> None:
        source = re.sub(r"<w:p([ >])", r"\n<w:p\1", xml)  # the line of an error is its paragraph
        try:
            tree = ENVIRONMENT.parse(source)
        except TemplateSyntaxError as error:
            line = source.splitlines()[min(error.lineno, source.count("\n") + 1) - 1]
            words = re.sub(r"<[^>]+>", "", line).strip()[:40]
            where = f"在“{words}”附近，" if words else ""
            raise fault(
                f"模板的标签没有写对：{where}请检查花括号是否成对、"
                "每个 for 和 if 是否有对应的 endfor 和 endif。"
            ) from error
        self._walk(tree, {})

    def _walk(self, node: nodes.Node, loop: dict[str, set[str]]) -> None:
        """``loop`` is the variable of the loop around, with its columns."""
        match node:
            case nodes.TemplateData():
                pass
            case nodes.Output(nodes=said) if any(self._is_rows(child) for child in said):
                raise fault(f"模板中有多行的标签须用 for 循环逐行写出：{'、'.join(self.rows)}。")
            case nodes.Template() | nodes.Output() | nodes.If():
                for child in node.iter_child_nodes():
                    self._walk(child, loop)
            case nodes.For(target=nodes.Name(name=each), iter=nodes.Name(name=listed)):
                if loop:
                    raise fault(f"模板中循环“{listed}”写在了另一个循环里面，请分开写。")
                if node.test or node.recursive or each in self.single or each in self.rows:
                    raise fault(f"模板中循环“{listed}”的写法不能使用，请照说明书写。")
                if listed not in self.rows:
                    self.unknown.append(listed)
                columns = self.rows.get(listed, set())
                for child in (*node.body, *node.else_):
                    self._walk(child, {each: columns})
            case nodes.Name(name=name):
                if name not in self.single and name not in self.rows:
                    self.unknown.append(name)
            case nodes.Getattr(node=nodes.Name(name=name), attr=attribute):
                if attribute not in loop.get(name, ()):
                    self.unknown.append(f"{name}.{attribute}")
            case nodes.Not() | nodes.And() | nodes.Or():
                for child in node.iter_child_nodes():
                    self._walk(child, loop)
            case nodes.Compare(ops=[nodes.Operand(op="eq" | "ne", expr=nodes.Const())]):
                self._walk(node.expr, loop)
            case _:
                raise fault(
                    "模板中有不能使用的写法（函数、过滤器、运算、赋值或引用其他文件）："
                    "只能写标签、for 循环和 if 条件，写法见本页的说明。"
                )

    def _is_rows(self, node: nodes.Node) -> bool:
        return isinstance(node, nodes.Name) and node.name in self.rows
