"""Checks of the scripted provider with the official clients of OpenAI and Anthropic.

The clients accept only the real wire: they parse every field, assemble every stream and choose the class of every error
by themselves. Called by `tests/fake-provider/tests/python_clients.rs` with the server's address; each
check prints its name, and the first that fails ends the program.
"""

import json
import sys
import urllib.request

import anthropic
import openai

URL = sys.argv[1]
HELLO = [{"role": "user", "content": "Hello there"}]
SAID = 'You said: "Hello there"'
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
OPENAI_TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Looks up.", "parameters": CITY}}]
ANTHROPIC_TOOLS = [{"name": "weather", "description": "Looks up.", "input_schema": CITY}]

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def gpt(retries=0):
    return openai.OpenAI(base_url=f"{URL}/v1", api_key="sk-scripted", max_retries=retries)


def claude(retries=0):
    return anthropic.Anthropic(base_url=URL, api_key="sk-scripted", max_retries=retries)


def bill(method="GET"):
    request = urllib.request.Request(f"{URL}/_scripted/log", method=method)
    with urllib.request.urlopen(request) as response:
        body = response.read()
    return json.loads(body) if method == "GET" else None


def equal(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


def fails(expected, status, act):
    """Returns the error that `act` raises, which must be of exactly the client's class for its status."""
    try:
        act()
    except (openai.APIError, anthropic.APIError) as error:
        assert isinstance(error, expected), f"{type(error)} is not {expected}"
        if status is not None:
            equal(error.status_code, status)
        return error
    raise AssertionError(f"{expected.__name__} was not raised")


# OpenAI


def ask_gpt(model, client=None, **more):
    return (client or gpt()).chat.completions.create(model=model, messages=HELLO, **more)


@check
def openai_answers_in_one_piece_and_its_usage_is_the_bill():
    answer = ask_gpt("gpt-4o+cached=11+reasoning=5")
    equal(answer.choices[0].message.content, SAID)
    equal(answer.choices[0].finish_reason, "stop")
    billed, usage = bill()[-1]["billed"], answer.usage
    equal(usage.prompt_tokens, billed["input"] + 11)
    equal(usage.prompt_tokens_details.cached_tokens, 11)
    equal(usage.completion_tokens, billed["output"] + 5)
    equal(usage.completion_tokens_details.reasoning_tokens, 5)
    equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)


@check
def openai_streams_the_same_words_and_usage_only_where_it_is_asked_for():
    for options, told in [({"include_usage": True}, 1), (None, 0)]:
        more = {"stream_options": options} if options else {}
        chunks = list(ask_gpt("gpt-4o", stream=True, **more))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        equal(text, SAID)
        equal(len({chunk.id for chunk in chunks}), 1)
        ends = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
        equal([end for end in ends if end], ["stop"])
        usage = [chunk.usage for chunk in chunks if chunk.usage]
        equal(len(usage), told)
        if told:
            equal(chunks[-1].choices, [])
            equal(usage[0].completion_tokens, bill()[-1]["billed"]["output"])


@check
def openai_calls_tools_whole_and_streamed():
    answer = ask_gpt("gpt-4o+tools=1", tools=OPENAI_TOOLS)
    equal(answer.choices[0].finish_reason, "tool_calls")
    (call,) = answer.choices[0].message.tool_calls
    with gpt().chat.completions.stream(model="gpt-4o+tools=1", messages=HELLO, tools=OPENAI_TOOLS) as stream:
        (streamed,) = stream.get_final_completion().choices[0].message.tool_calls
    for one in (call, streamed):
        equal(one.function.name, "weather")
        assert isinstance(json.loads(one.function.arguments)["city"], str)
        assert one.id


@check
def openai_raises_the_error_of_each_status():
    fails(openai.BadRequestError, 400, lambda: ask_gpt("m+400"))
    fails(openai.AuthenticationError, 401, lambda: ask_gpt("m+401"))
    fails(openai.PermissionDeniedError, 403, lambda: ask_gpt("m+403"))
    fails(openai.NotFoundError, 404, lambda: ask_gpt("m+404"))
    limited = fails(openai.RateLimitError, 429, lambda: ask_gpt("m+429+retry-after=7"))
    equal((limited.code, limited.response.headers["retry-after"]), ("rate_limit_exceeded", "7"))
    equal(fails(openai.RateLimitError, 429, lambda: ask_gpt("m+quota")).code, "insufficient_quota")
    equal(fails(openai.BadRequestError, 400, lambda: ask_gpt("m+context")).code, "context_length_exceeded")
    fails(openai.InternalServerError, 500, lambda: ask_gpt("m+500"))
    fails(openai.InternalServerError, 503, lambda: ask_gpt("m+503"))
    fails(openai.APIConnectionError, None, lambda: ask_gpt("m+close"))
    fails(openai.APIError, None, lambda: list(ask_gpt("m+error=2", stream=True)))


@check
def openai_ends_a_filtered_answer_with_its_reason():
    equal(ask_gpt("m+frames=9+filter=2").choices[0].finish_reason, "content_filter")


@check
def openai_tries_again_as_it_does_for_everybody():
    bill("DELETE")
    equal(ask_gpt("m+429+retry-after-ms=5+first=2", gpt(retries=2)).choices[0].message.content, SAID)
    equal([entry["retry_count"] for entry in bill()], ["0", "1", "2"])
    bill("DELETE")
    fails(openai.RateLimitError, 429, lambda: ask_gpt("m+429+should-retry=false", gpt(retries=2)))
    equal(len(bill()), 1)


@check
def openai_embeds_in_both_encodings():
    texts = ["Which rivers flow north?", "The Nile does."]
    packed = gpt().embeddings.create(model="scripted-embed-1", input=texts)
    plain = gpt().embeddings.create(model="scripted-embed-1", input=texts, encoding_format="float")
    equal([item.index for item in packed.data], [0, 1])
    for one, other in zip(packed.data, plain.data):
        equal(len(one.embedding), len(other.embedding))
        assert max(abs(a - b) for a, b in zip(one.embedding, other.embedding)) < 1e-6
    equal(packed.usage.prompt_tokens, bill()[-1]["billed"]["input"])
    fails(openai.AuthenticationError, 401, lambda: gpt().embeddings.create(model="m+401", input="a"))


@check
def openai_speaks_and_lists_its_models():
    assert gpt().audio.speech.create(model="m", voice="alloy", input="Hello").read()
    assert "scripted-1" in {model.id for model in gpt().models.list()}


# Anthropic


def ask_claude(model, client=None, **more):
    return (client or claude()).messages.create(model=model, max_tokens=100, messages=HELLO, **more)


def stream_claude(model, **more):
    with claude().messages.stream(model=model, max_tokens=100, messages=HELLO, **more) as stream:
        events = [event.type for event in stream]
        return events, stream.get_final_message()


@check
def anthropic_answers_in_one_piece_and_its_usage_is_the_bill():
    answer = ask_claude("claude+cached=11+cache-write=7+cache-write-1h=3")
    equal([block.text for block in answer.content], [SAID])
    equal(answer.stop_reason, "end_turn")
    billed, usage = bill()[-1]["billed"], answer.usage
    equal((usage.input_tokens, usage.output_tokens), (billed["input"], billed["output"]))
    equal((usage.cache_read_input_tokens, usage.cache_creation_input_tokens), (11, 10))
    equal(usage.cache_creation.ephemeral_5m_input_tokens, 7)
    equal(usage.cache_creation.ephemeral_1h_input_tokens, 3)


@check
def anthropic_streams_the_same_words_and_the_same_usage():
    events, streamed = stream_claude("claude+cached=11")
    whole = ask_claude("claude+cached=11")
    equal([block.text for block in streamed.content], [SAID])
    equal((events[0], events[-1], events.count("message_start")), ("message_start", "message_stop", 1))
    equal(streamed.usage.output_tokens, whole.usage.output_tokens)
    equal(streamed.usage.input_tokens, whole.usage.input_tokens)
    equal(streamed.usage.cache_read_input_tokens, 11)


@check
def anthropic_calls_tools_whole_and_streamed():
    for answer in (ask_claude("m+tools=1", tools=ANTHROPIC_TOOLS), stream_claude("m+tools=1", tools=ANTHROPIC_TOOLS)[1]):
        equal(answer.stop_reason, "tool_use")
        (call,) = [block for block in answer.content if block.type == "tool_use"]
        equal(call.name, "weather")
        assert isinstance(call.input["city"], str)


@check
def anthropic_thinks_in_a_block_of_its_own():
    for answer in (ask_claude("m+thinking=3"), stream_claude("m+thinking=3")[1]):
        equal([block.type for block in answer.content], ["thinking", "text"])
        assert answer.content[0].signature


@check
def anthropic_raises_the_error_of_each_status():
    fails(anthropic.BadRequestError, 400, lambda: ask_claude("m+400"))
    fails(anthropic.AuthenticationError, 401, lambda: ask_claude("m+401"))
    fails(anthropic.PermissionDeniedError, 403, lambda: ask_claude("m+403"))
    fails(anthropic.NotFoundError, 404, lambda: ask_claude("m+404"))
    limited = fails(anthropic.RateLimitError, 429, lambda: ask_claude("m+429+retry-after=7"))
    equal((limited.body["error"]["type"], limited.response.headers["retry-after"]), ("rate_limit_error", "7"))
    fails(anthropic.InternalServerError, 500, lambda: ask_claude("m+500"))
    overloaded = fails(anthropic.APIStatusError, 529, lambda: ask_claude("m+overloaded"))
    equal(overloaded.body["error"]["type"], "overloaded_error")
    fails(anthropic.APIConnectionError, None, lambda: ask_claude("m+close"))
    fails(anthropic.APIStatusError, None, lambda: stream_claude("m+error=2"))


@check
def anthropic_tries_again_as_it_does_for_everybody():
    bill("DELETE")
    equal(ask_claude("m+overloaded+retry-after-ms=5+once", claude(retries=2)).content[0].text, SAID)
    equal([entry["retry_count"] for entry in bill()], ["0", "1"])


@check
def anthropic_lists_its_models():
    assert "scripted-1" in {model.id for model in claude().models.list()}


for one in CHECKS:
    one()
    print(one.__name__, flush=True)
