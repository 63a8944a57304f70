// What the process promises to its callers: the status that means a bug of ours.
#include <gtest/gtest.h>

#include "common.h"
#include "gantry/support/check.h"

namespace gantry::tool {
namespace {

TEST(ExitStatusDeathTest, IsThreeWhenACheckFails) {
  EXPECT_EXIT(
      {
        install_check_hook();
        const CheckScope scope("compiling", "%f");
        unreachable("for this test");
      },
      testing::ExitedWithCode(kOurBug), "for this test(.|\n)*compiling %f(.|\n)*a bug in gantry");
}

}  // namespace
}  // namespace gantry::tool
