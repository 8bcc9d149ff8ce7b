import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.downloads.listing import parse_index, parse_records, parse_sums

HASH = "0e" * 32


def test_a_sum_line_gives_path_and_lower_case_hash():
    assert parse_sums(f"{HASH.upper()} sleep-cassette/SC4001E0-PSG.edf\n") == {
        "sleep-cassette/SC4001E0-PSG.edf": HASH
    }


def test_sums_as_sha256sum_writes_them_are_read_too():
    text = f"{HASH}  ./a.edf\n{HASH} *b.edf\r\n"
    assert parse_sums(text) == {"a.edf": HASH, "b.edf": HASH}


def test_a_web_page_in_place_of_the_sums_gives_none():
    assert parse_sums("<html><body>Please log in</body></html>") == {}


def test_a_hash_of_the_wrong_length_is_no_sum():
    assert parse_sums(f"{HASH}00 a.edf\n{HASH[:40]} b.edf") == {}


def test_records_are_read_in_order_without_blank_lines():
    assert parse_records("b/2.edf\n\n./\n ./a/1.edf \r\n") == ["b/2.edf", "a/1.edf"]


def test_an_nginx_index_gives_names_and_exact_sizes():
    page = (
        '<html><body><h1>Index of /x/</h1><hr><pre><a href="../">../</a>\r\n'
        '<a href="sleep-cassette/">sleep-cassette/</a>   24-Jul-2022 20:56       -\r\n'
        '<a href="SC-subjects.xls">SC-subjects.xls</a>   24-Jul-2018 20:56   17920\r\n'
        '<a href="a%20b.edf">a b.edf</a>   24-Oct-2013 15:24   48338048\r\n</pre></body></html>'
    )
    assert parse_index(page) == {"SC-subjects.xls": 17920, "a b.edf": 48338048}


def test_an_apache_index_gives_names_and_no_rounded_size():
    page = (
        '<tr><td><a href="?C=N;O=D">Name</a></td></tr>'
        '<tr><td><a href="/x/">Parent Directory</a></td><td>&nbsp;</td></tr>'
        '<tr><td><a href="a.edf">a.edf</a></td><td>2013-10-24 15:24  </td><td> 46M</td></tr>'
        '<tr><td><a href="b.edf">b.edf</a></td><td>2013-10-24 15:24  </td><td> 812</td></tr>'
    )
    assert parse_index(page) == {"a.edf": None, "b.edf": 812}


def test_a_name_that_leads_elsewhere_is_left_out_of_an_index():
    links = [
        "../../etc/passwd",
        "/etc/passwd",
        "http://other.example/a.edf",
        "%2e%2e/x",
        "..",
        "a:b",
    ]
    page = "".join(f'<a href="{link}">x</a>' for link in links)
    assert parse_index(page) == {}


def test_a_link_without_an_address_is_no_file():
    assert parse_index("<a>nothing</a><a href=''>empty</a>") == {}


@pytest.mark.slow
@given(st.text(max_size=300))
def test_any_text_is_parsed_without_an_error(text):
    assert all(len(digest) == 64 for digest in parse_sums(text).values())
    assert all("/" not in name for name in parse_index(text))
    assert all(parse_records(text))


@pytest.mark.slow
@given(st.text(string.ascii_letters + "./%<>\"'= a", max_size=120))
def test_no_link_whatever_its_form_gives_a_path_outside(href):
    names = parse_index(f'<a href="{href}">x</a> 24-Oct-2013 15:24 7')
    assert all("/" not in name and not name.startswith(".") for name in names)
