"""The guides in docs/how-to, half of all that there is to run, are followed to the letter like every page."""

import pytest

from tests.docs.runner import HOW_TO, name_of


@pytest.mark.parametrize("page", HOW_TO, ids=name_of)
def test_the_blocks_of_a_guide_do_what_it_says(follow, page):
    follow(page)
