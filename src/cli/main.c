/* SPDX-License-Identifier: MIT */
int main(int argc, char **argv)
{
    return argc > 1 && argv[1] ? 64 : 0;
}
