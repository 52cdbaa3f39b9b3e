"""The grammar: expressions of our configs stay, ways out of it do not."""

import pytest

from bundle.gate import Policy
from bundle.gate.expressions import imported, objections

POLICY = Policy.read()

ALLOWED = [
    "$@bundle_root + '/models/model.pt'",
    "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
    "$torch.device(@device).type == 'cuda'",
    "$[*@network.parameters(), *@localization_loss.to(@device).parameters()]",
    "$lambda output: (output['pred'], output['label'])",
    "$lambda now, best: now < best",
    "$@image_size ** 2 // 64",
    "$not @train#dataset.cases",
    "$max(@a::b, 3)[0:2]",
    "$-@a % 2",
]
REFUSED = [
    "$__import__('os')",
    "$().__class__.__mro__[1].__subclasses__()",
    "$(lambda: 0).__globals__",
    "$@network.__init__.__globals__['os']",
    "$torch.load('a')",
    "$torch.hub.load('a', 'b')",
    "$torch.device.__base__",
    "$torch.os.system('id')",
    "$monai.utils.module.subprocess",
    "$np.load('a', allow_pickle=True)",
    "$open('a').read()",
    "$eval('1')",
    "$exec('1')",
    "$getattr(@a, 'b')",
    "$globals()",
    "$breakpoint()",
    "$[x for x in (1).__class__.__mro__]",
    "$[x for x in @a]",
    "${x: 1 for x in @a}",
    "$(x for x in @a)",
    "$(a := 1)",
    "$f'{@a}'",
    "$'{0.__class__}'.format(@a)",
    "$str.format('a')",
    "$(lambda f: f('id'))(@a.run)",
    "$(lambda x=open: x)()",
    "$(lambda *a: a)",
    "$@callable('id')",
    "$@a.run(**@b)",
    "$@imports#0.stack()",
    "$__local_refs",
    "$__local_refs[@a]",
    "$__builtins__",
    "$9**9**9",
    "$(9**8)**8",
    "$2 ** @a",
    "$'a' * 1000000000",
    "$[0] * 1000000000",
    "$1 << 100000000000",
    "$@#relative",
    "$@##relative.run()",
    "$@::relative",
    "$'@x+open(1)+@y'",  # MONAI replaces a reference in a text: its quotes end the text
    "$\N{FULLWIDTH LATIN SMALL LETTER O}pen('a')",  # Python reads this as open
    "$ 1",
    "$",
    "$1; 2",
    "$\0",
    "$" + "(" * 300,
    "$" + "1+" * 300 + "1",
    "$'../../etc'",
    "$await @a",
]


@pytest.mark.parametrize("expression", ALLOWED)
def test_what_configs_need_is_allowed(expression):
    assert objections(expression, POLICY) == []


@pytest.mark.parametrize("expression", REFUSED)
def test_ways_out_are_refused(expression):
    assert objections(expression, POLICY)


def test_a_whole_expression_is_allowed_letter_by_letter():
    assert POLICY.expressions
    for reviewed in POLICY.expressions:
        assert objections(reviewed, POLICY) == []
        assert objections(reviewed + " ", POLICY)


@pytest.mark.parametrize(
    ("expression", "module"),
    [
        ("$import inspect", "inspect"),
        ("$import os as inspect", "import os as inspect"),
        ("$import inspect, os", "import inspect, os"),
        ("$import inspect; os.system('id')", "import inspect; os.system('id')"),
        ("$from inspect import stack", "from inspect import stack"),
        ("$import os.path", "os.path"),
        ("$'import os'", None),
        ("$import", None),
    ],
)
def test_an_import_is_one_plain_module(expression, module):
    assert imported(expression) == module
