// Where AceBridge keeps its data.
#pragma once

#include <string>

namespace acebridge {

// As daemon/acebridge/paths.py: ACEBRIDGE_HOME, else the platform's place for application data; empty where there is no home
// folder. Reads the environment, which a host may change while others read it: to be asked once, and remembered.
std::string data_folder();

} // namespace acebridge
