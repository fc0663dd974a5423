// An effect that only copies its input.
#pragma once

#define DISTRHO_PLUGIN_BRAND "AceBridge"
#define DISTRHO_PLUGIN_NAME "PassThrough"
#define DISTRHO_PLUGIN_URI "urn:acebridge:pass-through"
#define DISTRHO_PLUGIN_CLAP_ID "acebridge.pass-through"
#define DISTRHO_PLUGIN_NUM_INPUTS 2
#define DISTRHO_PLUGIN_NUM_OUTPUTS 2
#define DISTRHO_PLUGIN_HAS_UI 0
#define DISTRHO_PLUGIN_IS_RT_SAFE 1
#define DISTRHO_PLUGIN_CLAP_FEATURES "audio-effect", "stereo"
