"use strict";
// Everything that people or bots wrote becomes text nodes; nothing is ever parsed as HTML.

const $ = (id) => document.getElementById(id);
const toasted = new Set();
let seen = null;          // what the server showed last
let source = null;        // where it shows it
let replyTo = null;       // id of the message to reply to
let shown = new Map();    // message id → [JSON, element]

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null));
  return element;
}

function look(user, chat) {
  if (source) source.close();
  shown.clear();
  $("messages").replaceChildren();
  replyToMessage(null);
  source = new EventSource(`/page/view?${new URLSearchParams({ user, chat })}`);
  source.onmessage = (event) => show(JSON.parse(event.data));
  source.onerror = () => { $("status").textContent = "this Telegram was stopped"; };
}

function show(view) {
  const first = seen === null;
  seen = view;
  options($("user"), view.users.map((user) => [user.id, user.name]), view.user);
  options($("language"), view.languages.map((code) => [code, code]), view.language);
  const chosen = view.chats.find((chat) => chat.key === view.chat);
  $("title").textContent = chosen.title;
  $("status").textContent = listening(chosen);
  $("chats").replaceChildren(...view.chats.map((chat) => chatButton(chat, chat === chosen)));
  $("commands").replaceChildren(...view.commands.map(commandButton));
  showMessages(view.messages);
  for (const answer of view.answers) {
    if (!toasted.has(answer.id) && !first) (answer.show_alert ? alarm : toast)(answer.text);
    toasted.add(answer.id);
  }
}

function listening(chat) {
  if (!chat.listening.length) return "no bot is listening";
  return chat.is_group ? `${chat.listening.join(" and ")} listening` : "bot is listening";
}

function options(select, wanted, chosen) {
  if (select.options.length !== wanted.length) {
    select.replaceChildren(...wanted.map(([value, label]) => new Option(label, value)));
  }
  select.value = chosen;
}

function chatButton(chat, isChosen) {
  const face = make("span", chat.is_group ? "face group" : "face", chat.title[0].toUpperCase());
  const button = make("button", "", face, make("strong", "", chat.title), make("span", "last", chat.last));
  if (isChosen) button.setAttribute("aria-current", "true");
  button.onclick = () => look(seen.user, chat.key);
  return button;
}

function commandButton(command) {
  const button = make("button", "", `/${command.command}`);
  button.title = command.description;
  button.onclick = () => sendText(`/${command.command}`);
  return button;
}

function showMessages(messages) {
  const list = $("messages");
  const wasAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const ids = new Set(messages.map((message) => message.id));
  for (const [id, [, element]] of shown) {
    if (!ids.has(id)) { element.remove(); shown.delete(id); }
  }
  for (const message of messages) showMessage(list, message);
  if (wasAtEnd) list.scrollTop = list.scrollHeight;
}

function showMessage(list, message) {
  const json = JSON.stringify(message);
  const [before, element] = shown.get(message.id) || [];
  if (before === json) return;
  const made = messageElement(message);
  if (element) element.replaceWith(made); else list.append(made);
  shown.set(message.id, [json, made]);
}

function messageElement(message) {
  const bubble = make("div", "bubble",
    message.is_mine ? null : make("div", "sender", message.sender),
    message.forwarded ? make("div", "quoted", `Forwarded from ${message.forwarded}`) : null,
    message.reply_to ? make("div", "quoted", `${message.reply_to.sender}: ${message.reply_to.summary}`) : null,
    message.file ? fileElement(message.file) : null,
    message.text ? make("div", "text", ...formatted(message.text, message.entities)) : null,
    metaElement(message));
  const element = make("article", message.is_mine ? "message mine" : "message", bubble);
  element.dataset.id = message.id;
  if (message.keyboard.length) element.append(keyboardElement(message));
  return element;
}

function metaElement(message) {
  const reply = make("button", "", "↩ reply"), forward = make("button", "", "↪ forward");
  reply.type = forward.type = "button";
  reply.onclick = () => replyToMessage(message);
  forward.onclick = () => askWhereTo(message);
  const time = new Date(message.at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const edited = message.edits ? make("span", "", `edited ${message.edits}×`) : null;
  const reaction = message.reaction ? make("span", "", message.reaction) : null;
  const silent = message.is_silent ? make("span", "", "🔕") : null;
  if (silent) silent.title = "sent without a sound";
  return make("div", "meta", reply, forward, reaction, silent, edited, make("span", "", time));
}

function keyboardElement(message) {
  const rows = message.keyboard.map((row) => make("div", "", ...row.map((button) => inlineButton(message, button))));
  return make("div", "keyboard", ...rows);
}

function inlineButton(message, button) {
  const element = make("button", "", button.text);
  element.type = "button";
  if (isLink(button.url)) element.onclick = () => window.open(button.url, "_blank", "noopener");
  else element.onclick = () => post("click", { message: message.id, data: button.callback_data });
  return element;
}

function fileElement(file) {
  const address = `/page/files/${encodeURIComponent(file.id)}`;
  const size = file.size < 1e6 ? `${Math.ceil(file.size / 1e3)} kB` : `${(file.size / 1e6).toFixed(1)} MB`;
  const length = file.duration === null ? "" : ` · ${Math.floor(file.duration / 60)}:${String(file.duration % 60).padStart(2, "0")}`;
  const player = { voice: "audio", audio: "audio", video: "video", video_note: "video" }[file.kind];
  const link = make("a", "", file.name);
  link.href = address;
  link.download = file.name;
  const element = make("div", "file", link, make("small", "", size + length));
  if (player) {
    const media = make(player);
    media.controls = true;
    media.preload = "none";
    media.src = address;
    element.append(media);
  }
  return element;
}

// Entities nest. Their offsets count UTF-16 units, as indices of JavaScript's strings do.
const TAGS = {
  bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote",
  expandable_blockquote: "blockquote", text_link: "a", spoiler: "span", bot_command: "a", mention: "b",
};

function formatted(text, entities, begin = 0, end = text.length) {
  const nodes = [];
  let position = begin;
  const sorted = [...entities].sort((one, other) => one.offset - other.offset || other.length - one.length);
  while (sorted.length) {
    const entity = sorted.shift();
    const stop = entity.offset + entity.length;
    const inner = sorted.filter((other) => other.offset < stop);
    sorted.splice(0, inner.length);
    const element = entityElement(entity, text, formatted(text, inner, entity.offset, stop));
    nodes.push(text.slice(position, entity.offset), element);
    position = isBlock(element) && text[stop] === "\n" ? stop + 1 : stop;
  }
  nodes.push(text.slice(position, end));
  return nodes.filter((node) => node !== "");
}

function entityElement(entity, text, children) {
  const element = make(TAGS[entity.type] || "span", "", ...children);
  if (entity.type === "spoiler") element.className = "spoiler";
  if (entity.type === "text_link" && isLink(entity.url)) {
    Object.assign(element, { href: entity.url, target: "_blank", rel: "noopener noreferrer" });
  }
  if (entity.type === "bot_command") {
    const command = text.slice(entity.offset, entity.offset + entity.length);
    element.href = "#";
    element.onclick = (event) => { event.preventDefault(); sendText(command); };
  }
  if (entity.type === "expandable_blockquote") {
    element.className = "expandable";
    element.onclick = () => element.classList.toggle("expanded");
  }
  return element;
}

function isBlock(element) {
  return ["PRE", "BLOCKQUOTE"].includes(element.tagName);
}

function isLink(address) {
  return URL.canParse(address) && ["http:", "https:"].includes(new URL(address).protocol);
}

function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { $("toast").hidden = true; }, 4000);
}

function alarm(text) {
  $("alarm").firstElementChild.textContent = text;
  $("alarm").showModal();
}

function here() {
  const where = { user: seen.user, chat: seen.chat, reply_to: replyTo === null ? "" : replyTo };
  replyToMessage(null);
  return where;
}

async function post(verb, asked) {
  const body = JSON.stringify({ ...here(), ...asked });
  await fetch(`/page/${verb}`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
}

async function sendText(text) {
  if (text.trim()) await post("text", { text });
}

async function sendFile(kind, blob, name, duration) {
  const asked = { ...here(), kind, name, duration: duration === null ? "" : duration };
  const headers = { "Content-Type": blob.type || "application/octet-stream" };
  await fetch(`/page/file?${new URLSearchParams(asked)}`, { method: "POST", headers, body: blob });
}

// Seconds; null where the browser can not tell.
function durationOf(file) {
  return new Promise((resolve) => {
    const media = document.createElement("audio");
    media.onloadedmetadata = () => resolve(Number.isFinite(media.duration) ? Math.max(1, Math.round(media.duration)) : 1);
    media.onerror = () => resolve(1);
    media.src = URL.createObjectURL(file);
  });
}

function replyToMessage(message) {
  replyTo = message ? message.id : null;
  $("replying").hidden = !message;
  if (message) {
    $("replying").firstElementChild.textContent = `↩ ${message.sender}: ${(message.text || message.file.kind).slice(0, 80)}`;
    $("text").focus();
  }
}

function askWhereTo(message) {
  const chats = seen.chats.map((chat) => {
    const button = make("button", "", chat.title);
    button.type = "button";
    button.onclick = () => { $("forwarding").close(); post("forward", { message: message.id, to: chat.key }); };
    return button;
  });
  $("forwarding").lastElementChild.replaceChildren(...chats);
  $("forwarding").showModal();
}

function openKinds(isOpen) {
  $("kinds").hidden = !isOpen;
  $("attach").setAttribute("aria-expanded", String(isOpen));
}

let recorder = null;

async function record() {
  if (recorder) { recorder.stop(); return; }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const parts = [], begun = Date.now();
    recorder = new MediaRecorder(stream);
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.onstop = () => {
      stream.getTracks().forEach((track) => track.stop());
      $("record").classList.remove("recording");
      const blob = new Blob(parts, { type: recorder.mimeType.split(";")[0] });
      recorder = null;
      sendFile("voice", blob, blob.type === "audio/ogg" ? "voice.oga" : "voice.webm", Math.max(1, Math.round((Date.now() - begun) / 1000)));
    };
    recorder.start();
    $("record").classList.add("recording");
  } catch (error) {
    toast(`No microphone: ${error.message}`);
  }
}

$("user").onchange = () => look($("user").value, seen.chat);
$("language").onchange = () => post("language", { language: $("language").value });
$("replying").lastElementChild.onclick = () => replyToMessage(null);
$("attach").onclick = () => openKinds($("kinds").hidden);
$("record").onclick = record;
for (const button of $("kinds").children) {
  button.onclick = () => {
    openKinds(false);
    Object.assign($("file"), { accept: button.dataset.accept, value: "" });
    $("file").dataset.kind = button.dataset.kind;
    $("file").click();
  };
}
$("file").onchange = async () => {
  const [file] = $("file").files, kind = $("file").dataset.kind;
  if (file) await sendFile(kind, file, file.name, kind === "document" ? null : await durationOf(file));
};
$("composer").onsubmit = (event) => {
  event.preventDefault();
  sendText($("text").value);
  $("text").value = "";
};
$("text").onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("composer").requestSubmit(); }
};
document.onclick = (event) => { if (!$("attach").contains(event.target)) openKinds(false); };
document.onkeydown = (event) => { if (event.key === "Escape") { openKinds(false); replyToMessage(null); } };

look("", "");
