// The plug-in, and a way for tests to reach the core of the instance that was made last.
#define createPlugin createWatchedPlugin
#include "AceBridgePlugin.cpp"
#undef createPlugin

namespace {
acebridge::Core* core = nullptr;
}

START_NAMESPACE_DISTRHO

Plugin* createPlugin() {
  Plugin* const plugin = createWatchedPlugin();
  core = &static_cast<CoreHolder*>(plugin)->core();
  return plugin;
}

END_NAMESPACE_DISTRHO

extern "C" __attribute__((visibility("default"))) acebridge::Core* last_core() { return core; }
