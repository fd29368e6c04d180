"""AWS's price APIs and files on the loopback, shaped by botocore's models and the bulk format.

Every answer is checked against the output shape of its operation before it is sent, so that a
stand-in that AWS could not be is an error of the test.
"""

import csv
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import botocore.loaders
from botocore.model import ServiceModel, Shape
from botocore.validate import ParamValidator

_LOADER = botocore.loaders.Loader()


def _model(service: str) -> ServiceModel:
    return ServiceModel(_LOADER.load_service_model(service, "service-2"))


class Prices:
    """The server; answers are set by operation, and asked are what was asked."""

    def __init__(self) -> None:
        self.products: list[dict[str, Any]] = []
        self.page_size = 100
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()


def product(sku: str, usd: str, unit: str, family: str = "", tiers: Any = None, **attributes: str):
    """One entry of a price list, as the API sends it."""
    dimensions = {
        f"{sku}.T.{number}": {
            "unit": unit, "beginRange": begin, "endRange": "Inf", "appliesTo": [],
            "rateCode": f"{sku}.T.{number}", "description": "", "pricePerUnit": {"USD": price},
        }
        for number, (begin, price) in enumerate(tiers or [("0", usd)])
    }  # fmt: skip
    return {
        "product": {"sku": sku, "productFamily": family, "attributes": attributes},
        "serviceCode": "x",
        "terms": {"OnDemand": {f"{sku}.T": {"sku": sku, "priceDimensions": dimensions}}},
    }


def bulk_file(rows: list[dict[str, str]]) -> bytes:
    """A file of the price list: five lines about it, then columns and rows."""
    head = "".join(f'"{key}","x"\n' for key in (
        "FormatVersion", "Disclaimer", "Publication Date", "Version", "OfferCode",
    ))  # fmt: skip
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return (head + text.getvalue()).encode()


def _checked(answer: Any, service: str, operation: str) -> Shape:
    shape = _model(service).operation_model(operation).output_shape
    report = ParamValidator().validate(answer, shape)
    assert not report.has_errors(), report.generate_report()
    return shape


def _xml(value: Any, shape: Shape, name: str) -> str:
    if shape.type_name == "structure":
        inner = "".join(
            _xml(value[key], member, member.serialization.get("name", key))
            for key, member in shape.members.items()
            if key in value
        )
    elif shape.type_name == "list":
        inner = "".join(_xml(one, shape.member, "item") for one in value)
    else:
        inner = escape(str(value).lower() if isinstance(value, bool) else str(value))
    return f"<{name}>{inner}</{name}>"


def _handler(prices: Prices) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = prices.files.get(self.path)
            self._send(200 if content else 404, content or b"", "text/csv")

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            target = self.headers.get("X-Amz-Target", "")
            if target.startswith("AWSPriceListService"):
                self._price_list(json.loads(text))
            elif target.startswith("AWSInsightsIndexService"):
                self._json("ce", target.rpartition(".")[2], json.loads(text))
            elif self.path.startswith("/DescribeSavingsPlansOfferingRates"):
                self._json("savingsplans", "DescribeSavingsPlansOfferingRates", json.loads(text))
            else:
                words = {key: values[0] for key, values in parse_qs(text).items()}
                self._query(words)

        def _price_list(self, asked: dict[str, Any]) -> None:
            prices.asked.append(("GetProducts", asked))
            wanted = {one["Field"]: one["Value"] for one in asked["Filters"]}
            assert {one["Type"] for one in asked["Filters"]} == {"TERM_MATCH"}
            found = [
                json.dumps(one)
                for one in prices.products
                if all({**one["product"]["attributes"],
                        "productFamily": one["product"]["productFamily"]}.get(key) == value
                       for key, value in wanted.items())
            ]  # fmt: skip
            first = int(asked.get("NextToken") or 0)
            answer = {"FormatVersion": "aws_v1", "PriceList": found[first:][: prices.page_size]}
            if first + prices.page_size < len(found):
                answer["NextToken"] = str(first + prices.page_size)
            _checked(answer, "pricing", "GetProducts")
            self._send(200, json.dumps(answer).encode(), "application/x-amz-json-1.1")

        def _json(self, service: str, operation: str, asked: Any) -> None:
            prices.asked.append((operation, asked))
            answer = prices.answers[operation]
            answer = answer(asked) if callable(answer) else answer
            _checked(answer, service, operation)
            self._send(200, json.dumps(answer).encode(), "application/json")

        def _query(self, words: dict[str, str]) -> None:
            operation = words["Action"]
            prices.asked.append((operation, words))
            answer = prices.answers.get(operation)
            answer = answer(words) if callable(answer) else answer
            if answer is None:
                text = ("<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You"
                        " are not authorized</Message></Error></Errors><RequestID>r</RequestID>"
                        "</Response>")  # fmt: skip
                self._send(403, text.encode(), "text/xml")
                return
            shape = _checked(answer, "ec2", operation)
            self._send(200, _xml(answer, shape, f"{operation}Response").encode(), "text/xml")

        def _send(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
