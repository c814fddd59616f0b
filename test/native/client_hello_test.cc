#include "check.h"
int main() { CHECK_EQ(1,1); return check::Finish(); }
