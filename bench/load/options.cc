#include "options.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>

namespace {

std::vector<uint8_t> BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<pid_t> Pids(const std::string& list) {
  std::vector<pid_t> pids;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) pids.push_back(atoi(word.c_str()));
  return pids;
}

bool SetMode(const std::string& name, Mode* mode) {
  const std::map<std::string, Mode> modes = {{"connect", Mode::kConnect}, {"echo", Mode::kEcho}, {"down", Mode::kDown},
                                             {"up", Mode::kUp},           {"idle", Mode::kIdle}};
  const auto found = modes.find(name);
  if (found != modes.end()) *mode = found->second;
  return found != modes.end();
}

bool Set(const std::string& name, const std::string& value, Options* options) {
  const std::map<std::string, size_t*> counts = {{"--backends", &options->backends},
                                                 {"--clients", &options->clients},
                                                 {"--size", &options->size},
                                                 {"--names", &options->names}};
  const std::map<std::string, double*> numbers = {
      {"--rate", &options->rate}, {"--warm", &options->warm_seconds}, {"--seconds", &options->seconds}};
  const std::map<std::string, uint16_t*> ports = {{"--proxy", &options->proxy}, {"--server", &options->server}};
  if (const auto at = counts.find(name); at != counts.end()) *at->second = strtoul(value.c_str(), nullptr, 10);
  else if (const auto at = numbers.find(name); at != numbers.end()) *at->second = atof(value.c_str());
  else if (const auto at = ports.find(name); at != ports.end()) *at->second = static_cast<uint16_t>(atoi(value.c_str()));
  else if (name == "--direct") options->is_direct = value == "yes";
  else if (name == "--spin") options->is_spinning = value == "yes";
  else if (name == "--watch") options->watched = Pids(value);
  else if (name == "--hello") options->hello = BytesOf(value);
  else if (name == "--mode") return SetMode(value, &options->mode);
  else return false;
  return true;
}

}  // namespace

bool ParseOptions(int count, char** words, Options* options) {
  for (int i = 1; i + 1 < count; i += 2) {
    if (!Set(words[i], words[i + 1], options)) return false;
  }
  return count % 2 == 1 && (options->is_direct || options->proxy != 0) && options->server != 0 &&
         !options->hello.empty() && options->clients > 0 && options->backends > 0 && options->backends < 250 &&
         options->names > 0 && options->size > 0 && options->size <= kChunk;
}
