// The pages that one user's pipes may have are used up (pipe-user-pages-soft): streams are copied, and spliced again
// when there are pages again. The limit binds users without privileges, so root becomes one first.
#include <grp.h>

#include <fstream>

#include "stage.h"

using namespace sluice;

namespace {

constexpr uid_t kNobody = 65534;

bool HasNoPrivileges() {
  if (::geteuid() != 0) return true;
  return ::setgroups(0, nullptr) == 0 && ::setresgid(kNobody, kNobody, kNobody) == 0 &&
         ::setresuid(kNobody, kNobody, kNobody) == 0;
}

// Takes all the pages there are for this user.
std::vector<Fd> HoardPages() {
  std::vector<Fd> held;
  for (;;) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return held;
    held.emplace_back(ends[0]);
    held.emplace_back(ends[1]);
    if (::fcntl(ends[1], F_SETPIPE_SZ, 1024 * 1024) >= 0) continue;
    if (::fcntl(ends[1], F_GETPIPE_SZ) < static_cast<int>(PipePool::kLeastCapacity)) return held;
  }
}

void SendsABulk(Stage* stage, int stream) {
  Fd client, upstream;
  stage->Forwarding(&client, &upstream);
  const size_t sent = stage->SendUntilStuck(upstream, stream);
  CHECK(stage->Receive(client, sent) == Pattern(0, sent, stream));
}

void CopiesWhereThereAreNoPipePages() {
  Stage stage;
  std::vector<Fd> hoard = HoardPages();
  CHECK(!hoard.empty());
  SendsABulk(&stage, 1);
  CHECK_EQ(stage.engine->stats().spliced_bytes, 0u);
  hoard.clear();
  SendsABulk(&stage, 2);
  CHECK(stage.engine->stats().spliced_bytes > 0);
}

}  // namespace

int main() {
  ::signal(SIGPIPE, SIG_IGN);
  if (!HasNoPrivileges()) {
    std::cout << "not run: this root cannot become another user\n";
    return 0;
  }
  CopiesWhereThereAreNoPipePages();
  return check::Finish();
}
