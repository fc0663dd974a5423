// The window without a screen: what a click does, by the core as it is at that moment, with a host that is slow to pass it on.
#include "check.hpp"
#include "panel.hpp"
#include "signals.hpp"

#include <string>
#include <utility>
#include <vector>

using namespace acebridge;
using namespace acebridge::window;

namespace {

class BlindCanvas : public Canvas {
public:
  void fill(const Rect&, Color, float) override {}
  void fill_all(const std::vector<Rect>&, Color) override {}
  void outline(const Rect&, Color, float) override {}
  void line(Point, Point, Color, float) override {}
  void triangle(Point, Point, Point, Color) override {}
  void text(Point, std::string_view, float, Color, Align) override {}
  std::vector<float> edges(std::string_view line, float) override {
    std::vector<float> edges;
    for (size_t i = 0; i <= line.size(); ++i) {
      edges.push_back(7 * static_cast<float>(i));
    }
    return edges;
  }
  void clip(const Rect&) override {}
  void release() override {}
};

// A host that keeps what the window sets until it is told to pass it on.
class SlowHost : public Outside {
public:
  explicit SlowHost(Core& core) : core_(core) {}

  void begin_edit(Id) override { ++edits; }
  void set_parameter(Id id, float value) override { waiting_.emplace_back(id, value); }
  void end_edit(Id) override { --edits; }
  void set_text(Key key, const std::string& text) override { core_.set_state(key, text); }
  void copy(const std::string&) override {}
  void ask_paste() override {}
  void take_keyboard() override { ++keyboard_count; }
  void give_keyboard() override {}
  void show_cursor(Cursor) override {}
  void drag_take(const TakeRegion& take) override { dragged.push_back(take.number); }

  void pass_on() {
    for (const auto& [id, value] : std::exchange(waiting_, {})) {
      core_.parameters().set(id, value);
    }
  }

  int edits = 0; // that have begun and not ended
  int keyboard_count = 0;
  std::vector<int> dragged;

private:
  Core& core_;
  std::vector<std::pair<Id, float>> waiting_;
};

struct Window {
  Core core{48000};
  SlowHost host{core};
  BlindCanvas canvas;
  Panel panel{core, host, canvas};
  Layout layout = make_layout(kWidth, kHeight);

  void press(const Rect& area) { panel.press(middle(area), 1, {}); }
  void click(const Rect& area) {
    press(area);
    panel.release(middle(area));
  }
  void put_take(int number) {
    CHECK(core.put_take({number, 0, 4800, 48000, 0, ""}, signals::wav(signals::noise(4800, static_cast<uint32_t>(number)), 48000)));
  }
  Rect row(int number) const { return {layout.take_list.x, layout.take_list.y + 2 + 26 * static_cast<float>(number), 200, 26}; }
  static Point middle(const Rect& area) { return {area.x + area.width / 2, area.middle()}; }
};

void a_click_is_judged_by_what_the_core_says_then() {
  Window window;
  window.core.report({Status::working, 0.5F, -1, "", false}); // not drawn yet
  window.click(window.layout.go);
  window.click(window.layout.cancel);
  window.host.pass_on();
  CHECK(window.core.parameters().go_count() == 0 && window.core.parameters().cancel_count() == 1);
  window.core.report({Status::failed, 0, -1, "There is no daemon.", true});
  window.click(window.layout.start);
  window.click(window.layout.go);
  window.host.pass_on();
  CHECK(window.core.start_count() == 1 && window.core.parameters().go_count() == 1);
}

void a_trigger_stays_up_until_the_host_has_passed_it_on() {
  Window window;
  window.click(window.layout.go);
  for (int i = 0; i < 1000; ++i) {
    window.panel.tick();
  }
  CHECK(window.host.edits == 1);
  window.host.pass_on();
  CHECK(window.core.parameters().go_count() == 1 && window.core.parameters().is_on(Id::go));
  window.panel.tick();
  window.host.pass_on();
  CHECK(window.host.edits == 0 && !window.core.parameters().is_on(Id::go));
  window.click(window.layout.go);
  window.click(window.layout.go); // before the host has seen the first
  window.host.pass_on();
  CHECK(window.core.parameters().go_count() == 3);
  window.panel.tick();
  CHECK(window.host.edits == 0);
}

void a_take_is_varied_as_far_as_the_slider_says() {
  Window window;
  window.click(window.layout.vary); // there is none
  window.host.pass_on();
  CHECK(window.core.parameters().press_count(Id::vary) == 0);
  window.put_take(1);
  window.click(window.layout.variation);
  window.click(window.layout.vary);
  window.host.pass_on();
  CHECK(window.core.parameters().press_count(Id::vary) == 1 && window.core.parameters().go_count() == 0);
  CHECK(std::lround(window.core.parameters().get(Id::variation) * 100) == 50);
  window.panel.press({window.layout.variation.x, window.layout.variation.middle()}, 1, {});
  window.panel.release({window.layout.variation.x, window.layout.variation.middle()});
  window.host.pass_on();
  CHECK(std::lround(window.core.parameters().get(Id::variation) * 100) == 1); // 0 would be the take itself
  window.core.report({Status::working, 0.5F, -1, "", false});
  window.click(window.layout.vary);
  window.host.pass_on();
  CHECK(window.core.parameters().press_count(Id::vary) == 1);
}

void a_parameter_that_the_host_sets_back_is_shown_as_it_is() {
  Window window;
  window.click(window.layout.capture);
  window.host.pass_on();
  window.core.parameters().set(Id::capture, 0); // before the window has looked
  window.panel.tick();
  window.click(window.layout.capture);
  window.host.pass_on();
  CHECK(window.core.parameters().is_on(Id::capture));
}

void the_menu_beside_the_task_is_the_one_that_the_task_uses() {
  Window window;
  const auto choose = [&](int task, int item) {
    window.core.parameters().set(Id::task, static_cast<float>(task));
    window.core.parameters().set(Id::match_loudness, 0);
    window.core.parameters().set(Id::track, 0);
    window.click(window.layout.track);
    const Popup menu = Popup::below(window.layout.track, 3, kHeight);
    window.click(menu.item(item));
    window.host.pass_on();
    window.panel.tick();
    return std::pair{window.core.parameters().whole(Id::match_loudness), window.core.parameters().whole(Id::track)};
  };
  CHECK(choose(2, 1) == std::pair(1, 0)); // repaint
  CHECK(choose(2, 2) == std::pair(2, 0));
  CHECK(choose(3, 1) == std::pair(0, 1)); // lego
  CHECK(choose(0, 1) == std::pair(0, 0)); // text2music has neither
}

void a_take_that_has_just_come_is_dragged_and_one_that_has_gone_is_not() {
  Window window;
  for (const bool goes : {false, true}) {
    window.put_take(1);
    window.press(window.row(1));
    if (goes) {
      window.core.clear_takes();
    }
    window.panel.move({window.layout.take_list.x - 100, window.layout.take_list.y}, {});
    window.panel.release({});
  }
  CHECK(window.host.dragged == std::vector<int>{1});
}

void a_click_into_a_field_takes_the_keyboard_each_time() {
  Window window;
  window.click(window.layout.caption);
  window.click(window.layout.caption); // the host has taken it meanwhile
  CHECK(window.host.keyboard_count == 2);
}

} // namespace

int main() {
  return check::run_all({
      {"a click is judged by what the core says then", a_click_is_judged_by_what_the_core_says_then},
      {"a take is varied as far as the slider says", a_take_is_varied_as_far_as_the_slider_says},
      {"a trigger stays up until the host has passed it on", a_trigger_stays_up_until_the_host_has_passed_it_on},
      {"a parameter that the host sets back is shown as it is", a_parameter_that_the_host_sets_back_is_shown_as_it_is},
      {"the menu beside the task is the one that the task uses", the_menu_beside_the_task_is_the_one_that_the_task_uses},
      {"a take that has just come is dragged, and one that has gone is not", a_take_that_has_just_come_is_dragged_and_one_that_has_gone_is_not},
      {"a click into a field takes the keyboard each time", a_click_into_a_field_takes_the_keyboard_each_time},
  });
}
