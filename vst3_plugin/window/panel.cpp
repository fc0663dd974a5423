#include "panel.hpp"

#include "tasks.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace acebridge::window {
namespace {

struct FieldKey {
  size_t field; // in fields_
  Key key;
};

// The fields that are state. The seed is a parameter.
constexpr std::array<FieldKey, 4> kFieldKeys{{{0, Key::caption}, {1, Key::lyrics}, {2, Key::tracks}, {3, Key::folder}}};
constexpr size_t kSeedField = 4;

int number_of(const std::string& digits) {
  int number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

} // namespace

const std::array<Panel::Choice, 5> Panel::kChoices{{
    {Part::task, Id::task, "Task", &Layout::task},
    {Part::track, Id::track, "Track", &Layout::track},
    {Part::loudness, Id::match_loudness, "Match loudness", &Layout::track},
    {Part::takes, Id::takes, "Takes to make", &Layout::takes},
    {Part::mode, Id::mode, "Mode", &Layout::mode},
}};

const std::array<Panel::Choice, 2> Panel::kSliders{{
    {Part::strength, Id::strength, "Strength", &Layout::strength},
    {Part::variation, Id::variation, "", &Layout::variation}, // beside its button
}};

Panel::Panel(Core& core, Outside& outside, Canvas& canvas)
    : core_(core), outside_(outside), canvas_(canvas), caption_(TextEdit::Lines::one, "Caption", "What it should sound like"),
      lyrics_(TextEdit::Lines::many, "Lyrics", "[verse]"), tracks_(TextEdit::Lines::one, "Tracks", "drums, bass; empty: the one of the menu"),
      folder_(TextEdit::Lines::one, "Project folder", "Where takes are written; empty: AceBridge's own folder"),
      seed_(TextEdit::Lines::one, "Seed", "random") {
  resize(kWidth, kHeight);
  look_at_core();
  for (const FieldKey& row : kFieldKeys) {
    text_changed(row.key);
  }
  tick();
}

void Panel::resize(float width, float height) {
  width_ = width;
  height_ = height;
  layout_ = make_layout(width, height);
  caption_.place(layout_.caption);
  lyrics_.place(layout_.lyrics);
  tracks_.place(layout_.tracks);
  folder_.place(layout_.folder);
  seed_.place(layout_.seed);
  wave_.place(layout_.wave, layout_.ruler);
  list_.place(layout_.take_list);
  popup_.reset();
  is_dirty_ = true;
}

// ---- the core ----

float Panel::value(Id id) const {
  const auto& pending = pending_[static_cast<size_t>(id)];
  return pending ? pending->value : core_.value(static_cast<size_t>(id));
}

void Panel::expect(Id id, float value) { pending_[static_cast<size_t>(id)] = Pending{value, core_.parameters().write_count(id)}; }

void Panel::set(Id id, float value) {
  expect(id, value);
  outside_.begin_edit(id);
  outside_.set_parameter(id, value);
  outside_.end_edit(id);
  is_dirty_ = true;
}

void Panel::pull_trigger(Id id) {
  std::optional<uint32_t>& pulled = pulled_[static_cast<size_t>(id)];
  if (pulled) {
    outside_.set_parameter(id, 0);
  } else {
    outside_.begin_edit(id);
  }
  pulled = core_.parameters().press_count(id);
  outside_.set_parameter(id, 1);
}

bool Panel::tick() {
  for (size_t i = 0; i < kParameters; ++i) {
    const float now = core_.value(i);
    is_dirty_ = is_dirty_ || now != seen_[i];
    seen_[i] = now;
    const auto id = static_cast<Id>(i);
    if (pending_[i] && core_.parameters().write_count(id) != pending_[i]->writes) {
      pending_[i].reset();
      is_dirty_ = true;
    }
    if (pulled_[i] && core_.parameters().press_count(id) != *pulled_[i]) {
      pulled_[i].reset();
      outside_.set_parameter(id, 0);
      outside_.end_edit(id);
    }
  }
  const Audition audition = core_.auditioning();
  is_dirty_ = is_dirty_ || audition.number != audition_.number || audition.frame != audition_.frame;
  audition_ = audition;
  refresh();
  if (!seed_.has_focus()) {
    const int seed = whole(Id::seed);
    const std::string text = seed == 0 ? std::string() : std::to_string(seed);
    if (text != seed_.text()) {
      seed_.set_text(text);
    }
  }
  const bool more = wave_.advance();
  const bool dirty = is_dirty_ || more;
  is_dirty_ = false;
  return dirty;
}

void Panel::refresh() {
  if (core_.revision() != revision_) {
    look_at_core();
  }
  enable_controls();
}

void Panel::look_at_core() {
  revision_ = core_.revision();
  const auto recordings = core_.recordings();
  const std::vector<TakeRegion> takes = core_.takes();
  has_recording_ = !recordings.empty();
  wave_.show(has_recording_ ? recordings.back() : nullptr, takes);
  list_.show(takes, core_.selection());
  job_ = core_.job();
  for (const FieldKey& row : kFieldKeys) {
    if (!fields_[row.field]->has_focus()) {
      text_changed(row.key);
    }
  }
  is_dirty_ = true;
}

void Panel::text_changed(Key key) {
  for (const FieldKey& row : kFieldKeys) {
    const std::string text = row.key == key ? core_.get_state(key) : std::string();
    if (row.key == key && text != fields_[row.field]->text()) {
      fields_[row.field]->set_text(text);
      is_dirty_ = true;
    }
  }
}

std::optional<Selection> Panel::shown_selection() { return selection_ ? selection_ : core_.selection(); }

void Panel::enable_controls() {
  const TaskUse& use = kTaskUses[static_cast<size_t>(whole(Id::task))];
  caption_.enable(use.caption);
  lyrics_.enable(use.lyrics);
  tracks_.enable(use.tracks);
  if (focused_ != nullptr && !focused_->is_enabled()) {
    focus(nullptr);
  }
}

bool Panel::is_enabled(Part part) const {
  const TaskUse& use = kTaskUses[static_cast<size_t>(whole(Id::task))];
  switch (part) {
  case Part::go:
    return job_.status != Status::working;
  case Part::cancel:
    return job_.status == Status::working;
  case Part::vary:
    return job_.status != Status::working && !list_.rows().empty();
  case Part::start:
    return job_.offers_start;
  case Part::track:
    return use.track;
  case Part::strength:
    return use.strength;
  case Part::loudness:
    return use.loudness;
  default:
    return true;
  }
}

bool Panel::is_shown(Part part) const {
  const bool has_loudness = kTaskUses[static_cast<size_t>(whole(Id::task))].loudness;
  return part == Part::loudness ? has_loudness : part != Part::track || !has_loudness;
}

// ---- the keyboard ----

void Panel::focus(Field* field) {
  if (field == focused_) {
    if (field != nullptr) {
      outside_.take_keyboard(); // someone else may have it by now
    }
    return;
  }
  Field* const before = focused_;
  focused_ = field;
  if (before != nullptr) {
    before->focus(false);
    if (before == &seed_) {
      apply_seed();
    }
  }
  if (field != nullptr) {
    field->focus(true);
    outside_.take_keyboard();
  } else {
    outside_.give_keyboard();
  }
  is_dirty_ = true;
}

void Panel::apply_seed() {
  const auto seed = static_cast<float>(std::min(number_of(seed_.text()), static_cast<int>(kLargestSeed)));
  if (seed != value(Id::seed)) {
    set(Id::seed, seed);
  }
}

void Panel::edited(Field& field) {
  is_dirty_ = true;
  if (&field == &seed_) {
    std::string digits = field.text();
    digits.erase(std::remove_if(digits.begin(), digits.end(), [](char c) { return c < '0' || c > '9'; }), digits.end());
    digits.resize(std::min<size_t>(digits.size(), 8));
    if (digits != field.text()) {
      field.set_text(digits);
    }
    return;
  }
  for (const FieldKey& row : kFieldKeys) {
    if (fields_[row.field] == &field) {
      outside_.set_text(row.key, field.text());
    }
  }
}

void Panel::lose_keyboard() {
  if (focused_ != nullptr) {
    Field* const before = focused_;
    focused_ = nullptr;
    before->focus(false);
    if (before == &seed_) {
      apply_seed();
    }
    is_dirty_ = true;
  }
}

bool Panel::key(const KeyPress& press) {
  if (popup_ && press.name == KeyName::escape) {
    popup_.reset();
    is_dirty_ = true;
    return true;
  }
  if (focused_ == nullptr) {
    return false;
  }
  is_dirty_ = true;
  if (press.name == KeyName::tab && !press.modifiers.control && !press.modifiers.alt) {
    auto index = static_cast<size_t>(std::find(fields_.begin(), fields_.end(), focused_) - fields_.begin());
    do {
      index = (index + (press.modifiers.shift ? fields_.size() - 1 : 1)) % fields_.size();
    } while (!fields_[index]->is_enabled());
    focus(fields_[index]);
    return true;
  }
  Field& field = *focused_;
  const Field::Answer answer = field.key(canvas_, press, outside_);
  if (answer == Field::Answer::changed) {
    edited(field);
  } else if (answer == Field::Answer::leave) {
    focus(nullptr);
  }
  return answer != Field::Answer::unused;
}

bool Panel::text(std::string_view typed) {
  if (focused_ == nullptr) {
    return false;
  }
  paste(typed);
  return true;
}

void Panel::paste(std::string_view text) {
  if (focused_ != nullptr && focused_->insert(canvas_, text) == Field::Answer::changed) {
    edited(*focused_);
  }
  is_dirty_ = true;
}

} // namespace acebridge::window
