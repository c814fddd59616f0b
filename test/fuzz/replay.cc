// Runs a fuzz target over files and folders of inputs, where there is no libFuzzer. usage: replay FILE-OR-FOLDER …
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

int inputs = 0;

void Replay(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  inputs++;
}

}  // namespace

int main(int count, char** paths) {
  for (int index = 1; index < count; index++) {
    if (!std::filesystem::is_directory(paths[index])) {
      Replay(paths[index]);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(paths[index])) Replay(entry.path());
  }
  std::printf("%d inputs\n", inputs);
  return inputs > 0 ? 0 : 1;
}
