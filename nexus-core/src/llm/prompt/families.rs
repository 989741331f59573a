//! Control tokens of model families, with the source of each: [`FAMILIES`].
//!
//! A chat template writes a conversation as one text, in which these tokens begin and end turns. A server that parses
//! them in the whole text takes a token in a passage for one of the template.

/// Models that share a chat template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Names of the models.
    pub name: &'static str,
    /// Tokens that begin and end turns, tool calls, reasoning and texts.
    pub tokens: &'static [&'static str],
    /// Publication of the tokens.
    pub source: &'static str,
}

/// Shorthand for the source of most rows: llama.cpp, which renders them from the models' own templates.
macro_rules! llama_cpp {
    () => {
        "ggml-org/llama.cpp, src/llama-chat.cpp"
    };
    ($template:literal) => {
        concat!("ggml-org/llama.cpp, models/templates/", $template)
    };
}

const fn family(name: &'static str, tokens: &'static [&'static str], source: &'static str) -> Family {
    Family { name, tokens, source }
}

/// Model families. A new row is enough for its tokens to be broken up, whatever their form.
#[rustfmt::skip] // a token to a line would hide the table
pub const FAMILIES: &[Family] = &[
    family("ChatML: Qwen, Yi, Hermes, SmolLM, InternLM 2, DBRX", &[
        "<|im_start|>", "<|im_end|>", "<|endoftext|>",
    ], llama_cpp!()),
    family("Qwen 2.5 and 3", &[
        "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>",
        "<tools>", "</tools>", "<|vision_start|>", "<|object_ref_start|>", "<|fim_prefix|>", "<|repo_name|>",
    ], "Qwen/Qwen3-8B, tokenizer_config.json"),
    family("Llama 2", &[
        "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>", "<unk>",
    ], "huggingface.co/blog/llama2, how to prompt"),
    family("Llama 3", &[
        "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
        "<|eom_id|>", "<|python_tag|>", "<|finetune_right_pad_id|>", "<|reserved_special_token_0|>",
    ], "llama.com, model cards and prompt formats, Llama 3.1"),
    family("Llama 4", &[
        "<|header_start|>", "<|header_end|>", "<|eot|>", "<|eom|>", "<|step|>",
    ], llama_cpp!()),
    family("Mistral v1 to v13 and Tekken", &[
        "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[TOOL_RESULTS]",
        "[/TOOL_RESULTS]", "[TOOL_CONTENT]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[ARGS]", "[CALL_ID]",
        "[THINK]", "[/THINK]", "[IMG]", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]",
        "[AUDIO]", "[BEGIN_AUDIO]", "[control_8]", "<SPECIAL_20>", "<s>", "</s>", "<pad>",
    ], "mistralai/cookbook, concept-deep-dive/tokenization"),
    family("Gemma 1 to 3", &[
        "<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<pad>", "<unk>", "<mask>", "<unused0>",
        "<unused99>", "<start_of_image>", "<end_of_image>", "<image_soft_token>", "[multimodal]", "[@BOS@]",
    ], "ai.google.dev/gemma/docs/core/prompt-structure"),
    family("Gemma 4", &[
        "<|turn>", "<turn|>", "<|channel>", "<channel|>", "<|think|>", "<|tool>", "<tool|>", "<|tool_call>",
        "<tool_call|>", "<|tool_response>", "<tool_response|>", "<|\"|>", "<|image|>",
    ], llama_cpp!("gemma4.jinja")),
    family("DeepSeek V2.5 to V3.2 and R1", &[
        "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜tool▁calls▁begin｜>",
        "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁outputs▁begin｜>", "<｜fim▁hole｜>", "<｜DSML｜", "<think>",
        "</think>",
    ], llama_cpp!("deepseek-ai-DeepSeek-V3.1.jinja")),
    family("DeepSeek V2", &["User:", "Assistant:", "<｜end▁of▁sentence｜>"], llama_cpp!()),
    family("DeepSeek Coder", &["### Instruction:", "### Response:", "<|EOT|>"], llama_cpp!()),
    family("Phi 3", &["<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|tool|>"], llama_cpp!()),
    family("Phi 4", &["<|im_start|>", "<|im_sep|>", "<|im_end|>"], llama_cpp!()),
    family("Granite", &[
        "<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>", "<|tool_call|>", "<fim_prefix>",
        "<fim_suffix>", "<fim_middle>", "<reponame>",
    ], llama_cpp!()),
    family("Command R and Aya", &[
        "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|SYSTEM_TOKEN|>", "<|USER_TOKEN|>",
        "<|CHATBOT_TOKEN|>", "<|START_ACTION|>", "<|START_RESPONSE|>", "<|START_THINKING|>", "<BOS_TOKEN>",
        "<EOS_TOKEN>", "<PAD>",
    ], llama_cpp!("CohereForAI-c4ai-command-r7b-12-2024-tool_use.jinja")),
    family("GLM 4 and ChatGLM", &[
        "[gMASK]", "[sMASK]", "[MASK]", "<sop>", "<eop>", "<|system|>", "<|user|>", "<|assistant|>",
        "<|observation|>", "问：", "答：", "<think>", "</think>", "<tool_call>", "<arg_key>", "<arg_value>",
        "<tool_response>",
    ], llama_cpp!("GLM-4.6.jinja")),
    family("Zephyr, TinyLlama, StableLM, OLMo, Tülu", &[
        "<|system|>", "<|user|>", "<|assistant|>", "<|endoftext|>", "</s>",
    ], llama_cpp!()),
    family("Vicuna and Orca", &["SYSTEM:", "USER:", "ASSISTANT:", "</s>"], llama_cpp!()),
    family("Alpaca, Solar", &[
        "### Instruction:", "### Input:", "### Response:", "### System:", "### User:", "### Assistant:",
    ], "tatsu-lab/stanford_alpaca, README, data release"),
    family("Claude before messages", &["Human:", "Assistant:"], "docs of the legacy text completions API"),
    family("Falcon", &[
        ">>TITLE<<", ">>ABSTRACT<<", ">>INTRODUCTION<<", ">>SUMMARY<<", ">>QUESTION<<", ">>ANSWER<<", "User:",
        "Falcon:", "<|user|>", "<|assistant|>", "<|endoftext|>",
    ], "tiiuae/falcon-7b, special_tokens_map.json; llama.cpp for Falcon 3"),
    family("StarCoder", &[
        "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<repo_name>", "<file_sep>",
        "<issue_start>", "<issue_comment>", "<jupyter_start>", "<gh_stars>", "<commit_before>",
        "<empty_output>", "<|endoftext|>",
    ], "bigcode/starcoder2-15b, special_tokens_map.json"),
    family("InternLM", &[
        "<|User|>", "<|Bot|>", "<eoh>", "<eoa>", "<|action_start|>", "<|plugin|>", "[UNUSED_TOKEN_145]",
    ], "InternLM/InternLM, chat/chat_format.md"),
    family("Nemotron", &[
        "<extra_id_0>", "<extra_id_1>", "<SPECIAL_10>", "<SPECIAL_11>", "<SPECIAL_12>", "<AVAILABLE_TOOLS>",
        "<TOOLCALL>", "</TOOLCALL>", "<TOOL_RESPONSE>",
    ], llama_cpp!("NVIDIA-Nemotron-Nano-v2.jinja")),
    family("Kimi K2 and K3", &[
        "<|im_system|>", "<|im_user|>", "<|im_assistant|>", "<|im_middle|>", "<|im_end|>",
        "<|tool_calls_section_begin|>", "<|tool_call_begin|>", "<|open|>", "<|close|>", "<|sep|>",
        "<|end_of_msg|>", "[BOS]", "[EOS]", "[EOT]",
    ], llama_cpp!("Kimi-K3.jinja")),
    family("MiniMax M2", &[
        "]~!b[", "]~b]", "[e~[", "]!p~[", "]!d~[", "<minimax:tool_call>", "</minimax:tool_call>", "<think>",
    ], llama_cpp!("unsloth-MiniMax-M2.jinja")),
    family("gpt-oss (harmony)", &[
        "<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|return|>", "<|call|>",
        "<|startoftext|>", "<|endofprompt|>",
    ], "openai/harmony, docs/format.md"),
    family("EXAONE", &[
        "[|system|]", "[|user|]", "[|assistant|]", "[|tool|]", "[|endofturn|]", "[BOS]",
    ], llama_cpp!()),
    family("Seed", &[
        "<seed:bos>", "<seed:eos>", "<seed:think>", "</seed:think>", "<seed:tool_call>",
        "<seed:cot_budget_reflect>",
    ], llama_cpp!("ByteDance-Seed-OSS.jinja")),
    family("Hunyuan", &[
        "<|startoftext|>", "<|extra_0|>", "<|extra_4|>", "<|eos|>", "<｜hy_begin▁of▁sentence｜>", "<｜hy_User｜>",
        "<｜hy_Assistant｜>", "<｜hy_place▁holder▁no▁2｜>",
    ], llama_cpp!()),
    family("Ling (Bailing)", &["<role>", "</role>", "<|role_end|>"], llama_cpp!()),
    family("Megrez", &["<|role_start|>", "<|role_end|>", "<|turn_end|>"], llama_cpp!()),
    family("dots", &[
        "<|userprompt|>", "<|endofuserprompt|>", "<|response|>", "<|endofresponse|>",
    ], llama_cpp!()),
    family("GigaChat", &["<|role_sep|>", "<|message_sep|>", "<s>"], llama_cpp!()),
    family("YandexGPT", &["Пользователь:", "Ассистент:", "[SEP]", "<s>"], llama_cpp!()),
    family("MiniCPM", &["<用户>", "<AI>"], llama_cpp!()),
    family("OpenChat", &["GPT4 Correct User:", "GPT4 Correct Assistant:", "<|end_of_turn|>"], llama_cpp!()),
    family("Orion", &["Human:", "Assistant:", "</s>"], llama_cpp!()),
    family("RWKV World", &["System:", "User:", "Assistant:"], llama_cpp!()),
    family("SmolVLM", &["User:", "Assistant:", "<end_of_utterance>"], llama_cpp!()),
    family("Baichuan", &[
        "<reserved_102>", "<reserved_106>", "<reserved_107>", "<C_Q>", "<C_A>",
    ], "baichuan-inc/Baichuan2-13B-Chat, tokenizer_config.json"),
    family("Apriel", &[
        "[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]", "<thinking>", "</thinking>", "<tool_calls>",
    ], llama_cpp!("unsloth-Apriel-1.5.jinja")),
    family("T5 and BERT", &[
        "</s>", "<pad>", "<extra_id_99>", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[unused1]",
    ], "google-t5/t5-base and google-bert/bert-base-uncased, tokenizer files"),
];
