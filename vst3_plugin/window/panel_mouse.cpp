// What the mouse does to the window.
#include "panel.hpp"

#include <algorithm>
#include <cmath>

namespace acebridge::window {
namespace {

// Labels have "_" where people write a space.
std::string spell(const char* label) {
  std::string text = label;
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

} // namespace

std::vector<std::string> Panel::labels_of(Id id) const {
  const Parameter& parameter = kParameterTable[static_cast<size_t>(id)];
  std::vector<std::string> labels;
  for (int i = static_cast<int>(parameter.low); i <= static_cast<int>(parameter.high); ++i) {
    labels.push_back(parameter.labels != nullptr ? spell(parameter.labels[i]) : std::to_string(i));
  }
  return labels;
}

Panel::Part Panel::part_at(Point at) const {
  struct Place {
    Part part;
    const Rect& area;
  };
  const std::array<Place, 14> places{{{Part::go, layout_.go},
                                      {Part::cancel, layout_.cancel},
                                      {Part::vary, layout_.vary},
                                      {Part::variation, layout_.variation},
                                      {Part::start, layout_.start},
                                      {Part::capture, layout_.capture},
                                      {Part::strength, layout_.strength},
                                      {Part::task, layout_.task},
                                      {Part::track, layout_.track},
                                      {Part::loudness, layout_.track},
                                      {Part::takes, layout_.takes},
                                      {Part::mode, layout_.mode},
                                      {Part::wave, layout_.wave},
                                      {Part::list, layout_.take_list}}};
  for (const Place& place : places) {
    if (place.area.contains(at) && is_enabled(place.part)) {
      return place.part;
    }
  }
  const auto is_there = [&](const Field* field) { return field->area().contains(at) && field->is_enabled(); };
  return std::any_of(fields_.begin(), fields_.end(), is_there) ? Part::field : Part::none;
}

Field* Panel::field_at(Point at) {
  auto* const* const found = std::find_if(fields_.begin(), fields_.end(), [&](Field* field) { return field->area().contains(at) && field->is_enabled(); });
  return found == fields_.end() ? nullptr : *found;
}

void Panel::open(const Choice& choice) {
  popup_choice_ = &choice;
  popup_ = Popup::below(layout_.*choice.area, static_cast<int>(labels_of(choice.id).size()), height_);
}

bool Panel::press_popup(Point at) {
  if (!popup_) {
    return false;
  }
  const int item = popup_->item_at(at);
  popup_.reset();
  if (item >= 0) {
    const Parameter& parameter = kParameterTable[static_cast<size_t>(popup_choice_->id)];
    set(popup_choice_->id, parameter.low + static_cast<float>(item));
    enable_controls();
  }
  return true;
}

const Panel::Choice* Panel::slider_of(Part part) {
  const auto* const found = std::find_if(kSliders.begin(), kSliders.end(), [&](const Choice& slider) { return slider.part == part; });
  return found == kSliders.end() ? nullptr : found;
}

void Panel::set_slider(Part part, float x) {
  const Choice& slider = *slider_of(part);
  const float share = slider_share(layout_.*slider.area, x);
  const float value = std::max(std::round(share * 100) / 100, kParameterTable[static_cast<size_t>(slider.id)].low);
  expect(slider.id, value);
  outside_.set_parameter(slider.id, value);
}

void Panel::press_wave(Point at, int clicks) {
  if (clicks == 2) {
    selection_.reset();
    wave_.release();
    outside_.set_text(Key::selection, "");
    return;
  }
  wave_.press(at, core_.selection());
}

void Panel::press_part(Part part, Point at, int clicks) {
  for (const Choice& choice : kChoices) {
    if (choice.part == part) {
      open(choice);
    }
  }
  if (const Choice* const slider = slider_of(part); slider != nullptr) {
    outside_.begin_edit(slider->id);
    set_slider(part, at.x);
  } else if (part == Part::wave) {
    press_wave(at, clicks);
  } else if (part == Part::list) {
    press_hit_ = list_.hit(at);
  }
}

bool Panel::press(Point at, int clicks, const Modifiers& modifiers) {
  refresh();
  is_dirty_ = true;
  notice_.clear();
  press_at_ = at;
  if (press_popup(at)) {
    pressed_ = Part::none;
    return true;
  }
  pressed_ = part_at(at);
  Field* const field = field_at(at);
  focus(pressed_ == Part::field ? field : nullptr);
  if (field != nullptr) {
    field->press(canvas_, at, clicks, modifiers.shift);
  } else {
    press_part(pressed_, at, clicks);
  }
  return pressed_ != Part::none;
}

bool Panel::move(Point at, const Modifiers& modifiers) {
  refresh();
  if (popup_) {
    const int item = popup_->item_at(at);
    is_dirty_ = is_dirty_ || item != popup_->hovered;
    popup_->hovered = item;
    return true;
  }
  update_cursor(at);
  if (pressed_ == Part::field && focused_ != nullptr) {
    focused_->drag(canvas_, at);
  } else if (slider_of(pressed_) != nullptr) {
    set_slider(pressed_, at.x);
  } else if (pressed_ == Part::wave && wave_.is_dragged()) {
    const std::optional<Selection> dragged = wave_.drag(at, modifiers.shift);
    selection_ = dragged ? dragged : selection_;
  } else if (pressed_ == Part::list && press_hit_.action == TakeList::Action::choose &&
             std::hypot(at.x - press_at_.x, at.y - press_at_.y) > kDragPixels) {
    pressed_ = Part::none;
    const auto is_pressed = [&](const TakeRegion& take) { return take.number == press_hit_.number; };
    const auto take = std::find_if(list_.rows().begin(), list_.rows().end(), is_pressed);
    if (take != list_.rows().end()) { // else it has gone since
      outside_.drag_take(*take);
    }
  } else {
    const Part part = part_at(at);
    const bool in_list = part == Part::list || hovered_ == Part::list;
    is_dirty_ = is_dirty_ || part != hovered_ || in_list;
    hovered_ = part;
    list_.hover(at);
    return part != Part::none;
  }
  is_dirty_ = true;
  return true;
}

void Panel::update_cursor(Point at) {
  const Part part = pressed_ == Part::none ? part_at(at) : pressed_;
  Cursor cursor = part == Part::field ? Cursor::text : Cursor::arrow;
  if (part == Part::wave && !wave_.is_dragged()) {
    cursor = wave_.cursor_at(at, core_.selection());
  } else if (part == Part::wave) {
    cursor = cursor_;
  }
  if (cursor != cursor_) {
    cursor_ = cursor;
    outside_.show_cursor(cursor);
  }
}

void Panel::press_list(Point at) {
  const TakeList::Hit hit = list_.hit(at);
  if (hit.number != press_hit_.number || hit.action != press_hit_.action) {
    return;
  }
  if (hit.action == TakeList::Action::choose) {
    set(Id::take, static_cast<float>(hit.number));
  } else if (hit.action == TakeList::Action::listen) {
    listen(hit.number);
  }
}

bool Panel::release(Point at) {
  refresh();
  const Part part = pressed_;
  pressed_ = Part::none;
  is_dirty_ = true;
  if (const Choice* const slider = slider_of(part); slider != nullptr) {
    outside_.end_edit(slider->id);
  } else if (part == Part::wave) {
    wave_.release();
    if (selection_) {
      outside_.set_text(Key::selection, core_.text_of(*selection_));
      selection_.reset();
    }
  }
  if (part != part_at(at)) {
    return part != Part::none;
  }
  switch (part) {
  case Part::go:
    pull_trigger(Id::go);
    break;
  case Part::cancel:
    pull_trigger(Id::cancel);
    break;
  case Part::vary:
    pull_trigger(Id::vary);
    break;
  case Part::start:
    core_.ask_start();
    break;
  case Part::capture:
    set(Id::capture, whole(Id::capture) == 0 ? 1.0F : 0.0F);
    break;
  case Part::list:
    press_list(at);
    break;
  default:
    break;
  }
  return part != Part::none;
}

bool Panel::scroll(Point at, float across, float along, const Modifiers& modifiers) {
  is_dirty_ = true;
  if (Field* const field = field_at(at); field != nullptr) {
    field->scroll(canvas_, across * 2);
    return true;
  }
  if (layout_.take_list.contains(at)) {
    list_.scroll(across);
    return true;
  }
  if (layout_.wave.contains(at) || layout_.ruler.contains(at)) {
    wave_.scroll(at, across, along, modifiers.shift);
    return true;
  }
  return false;
}

void Panel::say(std::string sentence) {
  notice_ = std::move(sentence);
  is_dirty_ = true;
}

void Panel::end_drag() {
  pressed_ = Part::none;
  is_dirty_ = true;
}

} // namespace acebridge::window
